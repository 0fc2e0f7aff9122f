#include "engine/schedule/race_plan.h"

#include <algorithm>
#include <vector>

namespace raceway::engine::schedule {
namespace {

constexpr double kDelays[] = {0,   0.05, 0.1, 0.2,  0.3, 0.4,  0.5,  0.6,
                              0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.97, 0.99};  // quantiles
constexpr double kWorthHaving = 0.98;  // of the p99 without a race
constexpr double kAlike = 1.01;        // two p99 that differ by less

}  // namespace

RaceForecast Foresee(const Distribution& times, RacePlan plan) {
  std::vector<double> grid;  // where the time of the race may bend
  for (int copy = 0; copy < plan.copies; ++copy) {
    for (const Distribution::Point& point : times.points()) {
      grid.push_back(point.seconds + copy * plan.delay);
    }
  }
  std::sort(grid.begin(), grid.end());
  std::vector<Distribution::Point> race;
  for (const double time : grid) {
    double longer = 1;
    for (int copy = 0; copy < plan.copies; ++copy) {
      const double start = copy * plan.delay;
      if (time >= start) longer *= times.Longer(time - start);
    }
    if (!race.empty() && race.back().seconds == time) race.pop_back();
    race.push_back({time, longer});
    if (longer <= 0) break;
  }
  const Distribution lasts(std::move(race));
  double work = 0;
  for (int copy = 0; copy < plan.copies; ++copy) {
    const double start = copy * plan.delay;
    const double still_on = lasts.Longer(start);
    if (still_on > 0) work += still_on * lasts.MeanRest(start);
  }
  return {lasts.Quantile(0.5), lasts.Quantile(0.99), work / times.Mean() - 1};
}

RacePlan BestRace(const Distribution& times, double budget, int most_copies) {
  RacePlan best;
  if (!times.is_known()) return best;
  RaceForecast expected{0, times.Quantile(0.99) * kWorthHaving, 0};
  for (int copies = 2; copies <= most_copies; ++copies) {
    for (const double quantile : kDelays) {
      const RacePlan plan{copies, quantile == 0 ? 0 : times.Quantile(quantile)};
      const RaceForecast forecast = Foresee(times, plan);
      if (forecast.extra_work > budget) continue;
      const bool is_alike = forecast.p99 < expected.p99 * kAlike && best.copies > 1;
      if (forecast.p99 * kAlike < expected.p99 ||
          (is_alike && forecast.extra_work < expected.extra_work)) {
        best = plan;
        expected = forecast;
      }
    }
  }
  return best;
}

}  // namespace raceway::engine::schedule
