#include "engine/schedule/race_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "engine/schedule/service_times.h"
#include "tests/engine/schedule/race_simulation.h"

namespace raceway::engine::schedule {
namespace {

using testing::DrawTime;
using testing::Gamma;
using testing::Stragglers;

Distribution Learned(const DrawTime& draw) {
  std::mt19937_64 random(3);
  ServiceTimes times;
  for (int i = 0; i < 8000; ++i) {
    times.AddEnded(std::chrono::nanoseconds(std::llround(draw(random) * 1e9)));
  }
  return times.Now();
}

/// What became of many races that were drawn.
RaceForecast Drawn(const DrawTime& draw, RacePlan plan) {
  std::mt19937_64 random(4);
  std::vector<double> ends(50'000);
  double work = 0;
  double alone = 0;
  for (double& end : ends) {
    end = draw(random);
    alone += end;
    for (int copy = 1; copy < plan.copies; ++copy) {
      end = std::min(end, copy * plan.delay + draw(random));
    }
    for (int copy = 0; copy < plan.copies; ++copy) work += std::max(0.0, end - copy * plan.delay);
  }
  std::sort(ends.begin(), ends.end());
  return {ends[25'000], ends[49'500], work / alone - 1};
}

TEST(RacePlanTest, TheForecastIsWhatComesOfIt) {
  for (const DrawTime& draw : {Gamma(1), Gamma(4), Stragglers(0.02)}) {
    const Distribution times = Learned(draw);
    for (const RacePlan plan :
         {RacePlan{}, RacePlan{2, 0}, RacePlan{3, 0}, RacePlan{7, 0},
          RacePlan{2, times.Quantile(0.95)}, RacePlan{3, times.Quantile(0.5)}}) {
      const RaceForecast forecast = Foresee(times, plan);
      const RaceForecast drawn = Drawn(draw, plan);
      EXPECT_NEAR(forecast.p50, drawn.p50, 0.05 * drawn.p50) << plan.copies << " " << plan.delay;
      EXPECT_NEAR(forecast.p99, drawn.p99, 0.08 * drawn.p99) << plan.copies << " " << plan.delay;
      EXPECT_NEAR(forecast.extra_work, drawn.extra_work, 0.03 * (1 + drawn.extra_work))
          << plan.copies << " " << plan.delay;
    }
  }
}

TEST(RacePlanTest, StragglersGetALateCopyThatCostsNothing) {
  const Distribution times = Learned(Stragglers(0.02));
  const RacePlan plan = BestRace(times, 0.1, 3);
  const RaceForecast forecast = Foresee(times, plan);
  EXPECT_GT(plan.copies, 1);
  EXPECT_GT(plan.delay, 0.015);
  EXPECT_LT(forecast.p99, times.Quantile(0.99) / 4);
  EXPECT_LT(forecast.extra_work, 0.01);
}

TEST(RacePlanTest, WideTimesGetAsMuchAsTheBudgetBuys) {
  const Distribution times = Learned(Gamma(4));
  double before = times.Quantile(0.99);
  for (const double budget : {0.1, 0.3, 0.8}) {
    const RaceForecast forecast = Foresee(times, BestRace(times, budget, 3));
    EXPECT_LE(forecast.extra_work, budget);
    EXPECT_LT(forecast.p99, before) << "of " << budget;
    before = forecast.p99;
  }
}

TEST(RacePlanTest, TimesThatAreAlikeGetNoRace) {
  const auto draw = [](std::mt19937_64& random) {
    return std::uniform_real_distribution<double>(0.0195, 0.0205)(random);
  };
  EXPECT_EQ(BestRace(Learned(draw), 0.1, 3).copies, 1);
}

TEST(RacePlanTest, WithoutHistoryThereIsNoRace) {
  EXPECT_EQ(BestRace(Distribution(), 0.1, 3).copies, 1);
}

}  // namespace
}  // namespace raceway::engine::schedule
