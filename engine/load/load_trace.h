#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/clock.h"
#include "engine/load/load_event.h"

namespace raceway::engine::load {

inline constexpr size_t kNumLanes = static_cast<size_t>(Lane::kWait) + 1;

/// "scan", "retrieve", …
std::string_view NameOf(Lane lane);

/// A load, from the request to its answer.
struct LoadTrace {
  TimePoint begin = {};
  TimePoint end = {};
  std::vector<LoadEvent> events = {};
};

/// Collects the events of one load.
///
/// Threads  all functions, from any
class LoadRecorder {
 public:
  LoadRecorder();

  /// May outlive the recorder: weights that an answer does without may come after it.
  LoadEventSink Sink() const;
  /// Those that have come, in the order of their beginning; they are gone from here.
  std::vector<LoadEvent> Take();

 private:
  struct Events;
  const std::shared_ptr<Events> events_;
};

/// What one stage of a load did. A unit is an event of its lane.
struct LaneFigures {
  int64_t num_units = 0;
  std::chrono::nanoseconds working = {};  // sum of the units', end - begin
  std::chrono::nanoseconds waiting = {};  // sum from the end of all earlier units to the next one
  std::chrono::nanoseconds busy = {};     // while there was at least one unit
  uint64_t num_bytes = 0;
};

/// What a trace comes to, from its beginning to its end; what lies outside does not count.
///
/// Source   Cicada: working and waiting of units, utilisation
struct LoadFigures {
  std::chrono::nanoseconds total = {};
  std::array<LaneFigures, kNumLanes> lanes = {};  // by `Lane`
  double utilisation = 0;         // of the time, 0 to 1: any stage but the waiting was active
  double overlap = 0;             // sum of the stages' `busy` / total; the waiting does not count
  uint64_t num_bytes = 0;         // read
  uint64_t num_cached_bytes = 0;  // of these, from the page cache
  double bytes_per_second = 0;    // while something was being read

  const LaneFigures& of(Lane lane) const { return lanes[static_cast<size_t>(lane)]; }
  std::chrono::nanoseconds gate_wait() const { return of(Lane::kWait).working; }
};

LoadFigures FiguresOf(const LoadTrace& trace);

/// A line of a picture: events of one lane that do not overlap.
struct TraceRow {
  Lane lane = Lane::kScan;
  std::string name;            // "retrieve 3"; "scan" where the lane has one line
  std::vector<size_t> events;  // of the trace, in the order of their beginning
};

/// As few lines as can be, in the order of `Lane`, none of them empty.
std::vector<TraceRow> RowsOf(const LoadTrace& trace);

}  // namespace raceway::engine::load
