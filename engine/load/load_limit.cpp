#include "engine/load/load_limit.h"

#include <algorithm>
#include <set>

namespace raceway::engine::load {
namespace {

using std::chrono::nanoseconds;

double RateOf(const LaneFigures& lane) {
  if (lane.num_bytes == 0 || lane.busy.count() == 0) return LoadRates::kFree;
  return static_cast<double>(lane.num_bytes) / std::chrono::duration<double>(lane.busy).count();
}

nanoseconds TimeOf(uint64_t num_bytes, double bytes_per_second) {
  return nanoseconds(static_cast<int64_t>(static_cast<double>(num_bytes) / bytes_per_second * 1e9));
}

}  // namespace

double LoadRates::slowest() const { return std::min({read, verify, copy}); }

LoadRates RatesOf(const LoadFigures& figures) {
  return {.read = RateOf(figures.of(Lane::kRetrieve)),
          .verify = RateOf(figures.of(Lane::kVerify)),
          .copy = RateOf(figures.of(Lane::kCopy))};
}

std::vector<UseStep> StepsOf(std::span<const LoadEvent> events) {
  std::vector<UseStep> steps;
  std::set<int32_t> used;
  for (const LoadEvent& event : events) {
    if (event.lane != Lane::kExecute) continue;
    UseStep step = {.compute = event.end - event.begin};
    for (const StorageUse& use : event.reads) {
      if (used.insert(use.storage).second) step.num_bytes += use.num_bytes;
    }
    steps.push_back(step);
  }
  return steps;
}

LoadLimit LimitOf(std::span<const UseStep> steps, const LoadRates& rates) {
  LoadLimit limit;
  for (const UseStep& step : steps) limit.computing += step.compute;
  limit.time = limit.computing;
  nanoseconds left = limit.computing;
  uint64_t num_bytes = 0;
  for (const UseStep& step : steps) {
    if (step.num_bytes > 0) {
      num_bytes += step.num_bytes;
      const nanoseconds reading = rates.latency + TimeOf(num_bytes, rates.slowest());
      if (reading + left > limit.time) limit = {reading + left, num_bytes, reading, left};
    }
    left -= step.compute;
  }
  return limit;
}

}  // namespace raceway::engine::load
