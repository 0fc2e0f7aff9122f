#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "engine/schedule/distribution.h"

namespace raceway::engine::schedule {

/// How long calls of one stage have taken lately, also if many were stopped before their end, as
/// losers of races are: of those it is known that they take longer.
///
/// Times are counted in buckets that are 4 % wide, from 1 µs to some hours; once there are
/// `kRecent` counts all are halved, so that what was long ago weighs little.
///
/// Source   Kaplan and Meier (1958) for calls that were stopped
/// Threads  any; adding takes no lock and no memory
class ServiceTimes {
 public:
  static constexpr int64_t kRecent = 8192;
  /// Fewer calls say nothing: the distribution is not known.
  static constexpr int64_t kFewest = 20;

  void AddEnded(std::chrono::nanoseconds time) { Add(ended_, time); }
  void AddStopped(std::chrono::nanoseconds time) { Add(stopped_, time); }
  /// The calls that count, ended or stopped.
  int64_t count() const { return count_.load(std::memory_order_relaxed); }

  /// Times that nobody saw the end of are taken for twice as long as the longest that was stopped.
  Distribution Now() const;

 private:
  static constexpr size_t kNumBuckets = 600;
  using Counts = std::array<std::atomic<uint32_t>, kNumBuckets>;

  void Add(Counts& counts, std::chrono::nanoseconds time);
  void Halve();

  Counts ended_ = {};
  Counts stopped_ = {};
  std::atomic<int64_t> count_ = 0;
};

}  // namespace raceway::engine::schedule
