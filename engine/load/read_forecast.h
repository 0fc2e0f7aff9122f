#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "engine/clock.h"

namespace raceway::engine::load {

/// How long a read takes: latency + bytes / bandwidth, both learnt from the reads before it as
/// moving averages. `num_bytes` are those of the read and of all that were in flight before it.
///
/// Source   Cicada's recorded durations D_R, for reads of any size at any depth
class ReadForecast {
 public:
  void Note(uint64_t num_bytes, uint64_t own_bytes, TimePoint submitted, TimePoint finished);
  /// None before the first read.
  std::optional<std::chrono::nanoseconds> Expect(uint64_t num_bytes) const;

 private:
  bool has_seen_ = false;
  TimePoint last_finish_ = {};
  double ns_per_byte_ = 0;
  double latency_ns_ = 0;
};

}  // namespace raceway::engine::load
