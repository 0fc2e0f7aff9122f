#include "engine/load/read_forecast.h"

#include <algorithm>

namespace raceway::engine::load {
namespace {

constexpr double kWeight = 1.0 / 8;  // of what was just seen

double Nanoseconds(std::chrono::nanoseconds time) { return static_cast<double>(time.count()); }

}  // namespace

void ReadForecast::Note(uint64_t num_bytes, uint64_t own_bytes, TimePoint submitted,
                        TimePoint finished) {
  // A busy disk spent on this read the time since it finished the one before.
  const TimePoint began = std::max(last_finish_, submitted);
  const double ns_per_byte = Nanoseconds(std::max(finished, began) - began) /
                             static_cast<double>(std::max<uint64_t>(own_bytes, 1));
  const double weight = has_seen_ ? kWeight : 1;
  ns_per_byte_ += weight * (ns_per_byte - ns_per_byte_);
  const double latency =
      Nanoseconds(finished - submitted) - ns_per_byte_ * static_cast<double>(num_bytes);
  latency_ns_ += weight * (std::max(latency, 0.0) - latency_ns_);
  last_finish_ = std::max(last_finish_, finished);
  has_seen_ = true;
}

std::optional<std::chrono::nanoseconds> ReadForecast::Expect(uint64_t num_bytes) const {
  if (!has_seen_) return std::nullopt;
  return std::chrono::nanoseconds(
      static_cast<int64_t>(latency_ns_ + ns_per_byte_ * static_cast<double>(num_bytes)));
}

}  // namespace raceway::engine::load
