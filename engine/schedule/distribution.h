#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

namespace raceway::engine::schedule {

/// How long something takes: a share of the times for each length, by some points between which it
/// is even.
///
/// Immutable. Threads: any
class Distribution {
 public:
  struct Point {
    double seconds = 0;  // rising
    double longer = 0;   // the share of times that are longer, falling, at last 0
  };

  /// Nothing is known: `is_known` is false, and nothing else must be asked.
  Distribution() = default;
  explicit Distribution(std::vector<Point> points);

  bool is_known() const { return !points_.empty(); }
  const std::vector<Point>& points() const { return points_; }

  /// The share of times that are longer, 0 to 1.
  double Longer(double seconds) const;
  /// What a share of the times does not exceed, 0 ≤ share ≤ 1.
  double Quantile(double share) const;
  double Mean() const { return rests_.front(); }
  /// How much longer it takes on average when it has taken `age` already; infinite if nothing was
  /// seen to take so long.
  double MeanRest(double age) const;

 private:
  /// The first point that is later than `seconds`.
  std::vector<Point>::const_iterator After(double seconds) const;

  std::vector<Point> points_;
  std::vector<double> rests_;  // of each point, the integral of `longer` from there on
};

}  // namespace raceway::engine::schedule
