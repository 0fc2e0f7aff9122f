#pragma once

#include <chrono>

namespace raceway::engine {

using TimePoint = std::chrono::steady_clock::time_point;

/// The time, as an argument: tests bring a clock of their own.
///
/// Threads  `Now` may be called from any thread
class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimePoint Now() const = 0;
};

class SteadyClock final : public Clock {
 public:
  TimePoint Now() const override { return std::chrono::steady_clock::now(); }
};

}  // namespace raceway::engine
