#pragma once

#include <cstdint>

namespace raceway::engine::schedule {

struct BreakerLimits {
  int fewest = 5;             // failures that open it,
  double share = 0.5;         // if they are such a share of the last 32 calls
  double pause = 1;           // seconds until a call is let through to see,
  double longest_pause = 30;  // twice as many each time that one fails
};

/// Keeps calls from a stage that fails again and again: they are refused at once until one that is
/// let through succeeds.
///
/// Threads  none of its own, no lock: one thread at a time. Time comes as an argument, in seconds
class Breaker {
 public:
  explicit Breaker(BreakerLimits limits = {}) : limits_(limits), pause_(limits.pause) {}

  /// Whether a call may begin. If so, its end must be told.
  bool Admits(double now);
  void Succeeded();
  void Failed(double now);
  /// The call ended without telling anything of the stage: it was cancelled.
  void Left() { is_probing_ = false; }

  bool is_open() const { return is_open_; }
  /// Seconds until the next call may be let through, for who is refused.
  double RetryAfter(double now) const;

 private:
  void Note(bool has_failed);

  const BreakerLimits limits_;
  uint32_t failed_ = 0;  // a bit for each of the last calls
  int num_calls_ = 0;    // that have one
  bool is_open_ = false;
  bool is_probing_ = false;
  double until_ = 0;
  double pause_;
};

}  // namespace raceway::engine::schedule
