#pragma once

#include <cstdint>
#include <optional>

namespace raceway::operators {

/// A sum of times. Whether it fits is a matter of the total, not of the order.
class TimeSum {
 public:
  void Add(int64_t nanoseconds) { sum_ += nanoseconds; }
  /// Nothing where it does not fit.
  std::optional<int64_t> Total() const {
    if (sum_ < INT64_MIN || sum_ > INT64_MAX) return std::nullopt;
    return static_cast<int64_t>(sum_);
  }

 private:
  __extension__ __int128 sum_ = 0;
};

}  // namespace raceway::operators
