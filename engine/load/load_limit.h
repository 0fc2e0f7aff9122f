#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "engine/load/load_event.h"
#include "engine/load/load_trace.h"

namespace raceway::engine::load {

/// An operator of an answer: what has to be there for it and was not for those before, and how long
/// it then computes.
struct UseStep {
  uint64_t num_bytes = 0;
  std::chrono::nanoseconds compute = {};
};

/// Those of the kExecute events, which one thread made, in their order. A storage counts for the
/// first that reads it.
std::vector<UseStep> StepsOf(std::span<const LoadEvent> events);

/// How fast bytes can pass each station on their way, in bytes per second. The stations work side
/// by side, so the slowest counts.
struct LoadRates {
  static constexpr double kFree = std::numeric_limits<double>::infinity();

  double read = kFree;
  double verify = kFree;
  double copy = kFree;
  std::chrono::nanoseconds latency = {};  // until the first byte is there

  double slowest() const;
};

/// Those that a trace shows: bytes by the time in which its lanes were busy. Free where it shows
/// none.
LoadRates RatesOf(const LoadFigures& figures);

/// What no load can beat that reads in the order of use.
struct LoadLimit {
  std::chrono::nanoseconds time = {};
  // Which consists of:
  uint64_t num_bytes = 0;                   // that had to be there for the operator it hangs on
  std::chrono::nanoseconds reading = {};    // them
  std::chrono::nanoseconds computing = {};  // that operator, and all after it
};

/// The largest, over the operators k, of: latency and the reading of all that the first k operators
/// need, then computing from the k-th on. Without any that reads, the computing alone.
///
/// Source   the exact bound of a chain: an operator can begin neither before its bytes are there
///          nor before the one ahead of it has ended
LoadLimit LimitOf(std::span<const UseStep> steps, const LoadRates& rates);

}  // namespace raceway::engine::load
