#include "engine/schedule/service_times.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace raceway::engine::schedule {
namespace {

constexpr double kShortest = 1e-6;  // seconds, the first bucket's upper end
constexpr double kWidth = 1.04;     // of a bucket, to the one before
/// How much a distribution falls from point to point: more points would only cost time.
constexpr double kStep = 1.0 / 64;
/// In the tail a step is a share of what is left.
constexpr double kTailStep = 1.0 / 4;

double UpperEnd(size_t bucket) { return kShortest * std::pow(kWidth, static_cast<double>(bucket)); }
double LowerEnd(size_t bucket) { return bucket == 0 ? 0 : UpperEnd(bucket - 1); }

std::vector<Distribution::Point> Thinned(const std::vector<Distribution::Point>& points) {
  std::vector<Distribution::Point> kept = {points.front()};
  for (size_t i = 1; i + 1 < points.size(); ++i) {
    const double step = std::min(kStep, kept.back().longer * kTailStep);
    if (kept.back().longer - points[i + 1].longer >= step) kept.push_back(points[i]);
  }
  kept.push_back(points.back());
  return kept;
}

}  // namespace

void ServiceTimes::Add(Counts& counts, std::chrono::nanoseconds time) {
  static const double kPerBucket = 1 / std::log(kWidth);
  const double seconds = std::chrono::duration<double>(time).count();
  const double bucket = seconds <= kShortest ? 0 : std::log(seconds / kShortest) * kPerBucket;
  counts[std::min(static_cast<size_t>(std::ceil(bucket)), kNumBuckets - 1)].fetch_add(
      1, std::memory_order_relaxed);
  if (count_.fetch_add(1, std::memory_order_relaxed) + 1 == kRecent) Halve();
}

void ServiceTimes::Halve() {
  int64_t taken = 0;
  for (Counts* counts : {&ended_, &stopped_}) {
    for (std::atomic<uint32_t>& count : *counts) {
      const uint32_t half = (count.load(std::memory_order_relaxed) + 1) / 2;
      count.fetch_sub(half, std::memory_order_relaxed);
      taken += half;
    }
  }
  count_.fetch_sub(taken, std::memory_order_relaxed);
}

Distribution ServiceTimes::Now() const {
  std::vector<std::pair<double, double>> counts(kNumBuckets);  // ended, stopped
  double left = 0;  // calls that took at least as long as this bucket's
  for (size_t i = 0; i < kNumBuckets; ++i) {
    counts[i] = {ended_[i].load(std::memory_order_relaxed),
                 stopped_[i].load(std::memory_order_relaxed)};
    left += counts[i].first + counts[i].second;
  }
  if (left < static_cast<double>(kFewest)) return Distribution();
  std::vector<Distribution::Point> points;
  double longer = 1;
  double last = 0;
  for (size_t i = 0; i < kNumBuckets && left > 0; ++i) {
    const auto [ended, stopped] = counts[i];
    if (ended + stopped == 0) continue;
    last = UpperEnd(i);
    if (ended > 0) {
      if (points.empty() || points.back().seconds < LowerEnd(i)) {
        points.push_back({LowerEnd(i), longer});
      }
      // Those that were stopped in here count as half of one that was there for all of it.
      longer = std::max(0.0, longer * (1 - ended / (left - stopped / 2)));
      points.push_back({last, longer});
    }
    left -= ended + stopped;
  }
  if (longer > 0) {
    points.push_back({last * kWidth, longer});
    points.push_back({last * 2, 0});
  }
  return Distribution(Thinned(points));
}

}  // namespace raceway::engine::schedule
