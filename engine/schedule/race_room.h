#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "engine/clock.h"
#include "engine/schedule/distribution.h"

namespace raceway::engine::schedule {

enum class RaceId : int64_t {};
enum class RunId : int64_t {};

/// Which runs have the places there are, so that copies never keep a call waiting: a copy starts
/// only where a place is free, and as soon as somebody waits for one, a run of some race gives its
/// own up. That is the one which would take longest, not always the copy: a first run that has
/// lasted too long already is most often the straggler that the copy was made for.
///
/// Threads  none of its own, no lock: one thread at a time. Time comes as an argument
class RaceRoom {
 public:
  explicit RaceRoom(int num_places) : num_free_(num_places) {}

  int num_free() const { return num_free_; }
  /// The first run of a call, there must be a place for it. `times` are those of its stage.
  RunId StartFirst(RaceId race, std::shared_ptr<const Distribution> times, TimePoint now);
  /// One more run of a call that has one. None if no place is free.
  std::optional<RunId> StartCopy(RaceId race, TimePoint now);
  /// It has ended, or is to be stopped. Not to be called of a run that gave its place up.
  void End(RunId run);
  /// Somebody waits and no place is free: who is to be stopped, and has no place any more. None if
  /// no call has two runs.
  std::optional<RunId> GiveUp(TimePoint now);

 private:
  struct Run {
    RunId id;
    RaceId race;
    TimePoint since;
    std::shared_ptr<const Distribution> times;
  };

  std::vector<Run> runs_;
  int num_free_;
  int64_t next_id_ = 0;
};

}  // namespace raceway::engine::schedule
