#include "engine/schedule/distribution.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

namespace raceway::engine::schedule {

Distribution::Distribution(std::vector<Point> points) : points_(std::move(points)) {
  if (points_.empty()) return;
  if (points_.front().seconds > 0) points_.insert(points_.begin(), {0, 1});
  rests_.resize(points_.size());
  for (size_t i = points_.size() - 1; i-- > 0;) {
    const double width = points_[i + 1].seconds - points_[i].seconds;
    rests_[i] = rests_[i + 1] + width * (points_[i].longer + points_[i + 1].longer) / 2;
  }
}

std::vector<Distribution::Point>::const_iterator Distribution::After(double seconds) const {
  return std::upper_bound(points_.begin(), points_.end(), seconds,
                          [](double time, const Point& point) { return time < point.seconds; });
}

double Distribution::Longer(double seconds) const {
  const auto after = After(seconds);
  if (after == points_.end()) return 0;
  if (after == points_.begin()) return 1;
  const Point& before = *std::prev(after);
  const double way = (seconds - before.seconds) / (after->seconds - before.seconds);
  return before.longer + way * (after->longer - before.longer);
}

double Distribution::Quantile(double share) const {
  const double wanted = 1 - share;
  const auto after = std::find_if(points_.begin(), points_.end(),
                                  [wanted](const Point& point) { return point.longer <= wanted; });
  if (after == points_.end()) return points_.back().seconds;
  if (after == points_.begin()) return after->seconds;
  const Point& before = *std::prev(after);
  const double way = (before.longer - wanted) / (before.longer - after->longer);
  return before.seconds + way * (after->seconds - before.seconds);
}

double Distribution::MeanRest(double age) const {
  const double longer = Longer(age);
  if (longer <= 0) return std::numeric_limits<double>::infinity();
  const auto after = After(age);
  const double rest = (after->seconds - age) * (longer + after->longer) / 2 +
                      rests_[static_cast<size_t>(after - points_.begin())];
  return rest / longer;
}

}  // namespace raceway::engine::schedule
