#pragma once

#include <cstdint>

namespace raceway::engine::schedule {

struct ScaleLimits {
  int least = 1;
  int most = 64;
  double busy = 0.8;    // the share of time in which instances work, at most
  double drain = 0.25;  // seconds in which what waits is worked off
  double hold = 5;      // seconds that instances stay that are not needed, at most
};

/// A stage since it was looked at last.
struct StageLoad {
  double calls_per_second = 0;  // that began
  double call_seconds = 0;      // on average
  int64_t waiting = 0;          // calls
};

/// How many instances a stage has: as many as its calls keep busy, and what waits, at once; fewer
/// only when no more were needed for some time, from half of `hold` to all of it.
///
/// Threads  none of its own, no lock: one thread at a time. Time comes as an argument, in seconds
class Scaler {
 public:
  explicit Scaler(ScaleLimits limits) : limits_(limits), wanted_(limits.least) {}

  /// To be called some times a second.
  int Decide(const StageLoad& load, double now);

 private:
  const ScaleLimits limits_;
  int wanted_;             // most of this half of `hold`
  int wanted_before_ = 0;  // and of the one before
  double half_since_ = 0;
};

}  // namespace raceway::engine::schedule
