#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "engine/cancel.h"
#include "engine/clock.h"
#include "engine/schedule/race_room.h"

namespace raceway::engine {

/// The workers of an engine as places for what they are asked to do, so that copies of a race take
/// only those that nobody else wants.
///
/// Threads  any; no lock is taken while no race has two runs
class Places {
 public:
  /// `clock` outlives it.
  Places(int count, const Clock& clock) : count_(count), clock_(clock), room_(kAnyNumber) {}
  Places(const Places&) = delete;

  /// A worker is asked to do something. If all are busy, a run of some race gives its place up.
  void Take() {
    const bool is_full = taken_.fetch_add(1, std::memory_order_relaxed) >= count_;
    if (is_full && num_runs_.load(std::memory_order_relaxed) > 0) GiveUp();
  }
  /// It is done.
  void Give() { taken_.fetch_sub(1, std::memory_order_relaxed); }
  bool has_free() const { return taken_.load(std::memory_order_relaxed) < count_; }

  schedule::RaceId NewRace() {
    return schedule::RaceId{num_races_.fetch_add(1, std::memory_order_relaxed)};
  }
  /// A run of a race that has several: it may be cancelled, to make room.
  schedule::RunId AddRun(schedule::RaceId race, std::shared_ptr<const schedule::Distribution> times,
                         TimePoint since, std::shared_ptr<CancelToken> cancel);
  void EndRun(schedule::RunId run);

 private:
  static constexpr int kAnyNumber = 1 << 30;  // places are counted here, not there

  void GiveUp();

  const int count_;
  const Clock& clock_;
  std::atomic<int> taken_ = 0;
  std::atomic<int> num_runs_ = 0;  // those below
  std::atomic<int64_t> num_races_ = 0;
  std::mutex mutex_;  // of all below
  schedule::RaceRoom room_;
  std::map<schedule::RunId, std::shared_ptr<CancelToken>> runs_;
};

}  // namespace raceway::engine
