#include "engine/schedule/service_times.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <thread>
#include <vector>

namespace raceway::engine::schedule {
namespace {

using namespace std::chrono_literals;

std::chrono::nanoseconds Seconds(double seconds) {
  return std::chrono::nanoseconds(std::llround(seconds * 1e9));
}

TEST(ServiceTimesTest, QuantilesAreThoseOfTheSampleWithinABucket) {
  std::mt19937_64 random(1);
  std::gamma_distribution<double> gamma(3, 0.04);
  ServiceTimes times;
  std::vector<double> sample(5000);
  double sum = 0;
  for (double& time : sample) {
    time = gamma(random);
    sum += time;
    times.AddEnded(Seconds(time));
  }
  std::sort(sample.begin(), sample.end());
  const Distribution now = times.Now();
  for (const double share : {0.05, 0.25, 0.5, 0.9, 0.95, 0.99}) {
    const double exact = sample[static_cast<size_t>(share * 5000)];
    EXPECT_NEAR(now.Quantile(share), exact, 0.04 * exact) << share;
    EXPECT_NEAR(now.Longer(exact), 1 - share, 0.01) << share;
  }
  EXPECT_NEAR(now.Mean(), sum / 5000, 0.02 * sum / 5000);
}

TEST(ServiceTimesTest, WhatWasStoppedIsKnownToTakeLonger) {
  std::mt19937_64 random(2);
  std::exponential_distribution<double> exponential(10);
  ServiceTimes times;
  for (int i = 0; i < 8000; ++i) {
    const double time = exponential(random);
    const double stop = exponential(random);
    time < stop ? times.AddEnded(Seconds(time)) : times.AddStopped(Seconds(stop));
  }
  const Distribution now = times.Now();
  EXPECT_NEAR(now.Quantile(0.5), std::log(2) / 10, 0.005) << "0.035 of those that ended";
  EXPECT_NEAR(now.Quantile(0.9), std::log(10) / 10, 0.02);
}

TEST(ServiceTimesTest, WhatNobodySawTheEndOfIsNotForgotten) {
  ServiceTimes times;
  for (int i = 0; i < 98; ++i) times.AddEnded(20ms);
  for (int i = 0; i < 2; ++i) times.AddStopped(50ms);
  const Distribution now = times.Now();
  EXPECT_NEAR(now.Longer(0.045), 0.02, 0.005);
  EXPECT_GT(now.Quantile(0.99), 0.05);
}

TEST(ServiceTimesTest, FewCallsSayNothing) {
  ServiceTimes times;
  for (int64_t i = 0; i + 1 < ServiceTimes::kFewest; ++i) times.AddEnded(1ms);
  EXPECT_FALSE(times.Now().is_known());
  times.AddEnded(1ms);
  EXPECT_TRUE(times.Now().is_known());
}

TEST(ServiceTimesTest, WhatWasLongAgoWeighsLittle) {
  ServiceTimes times;
  for (int64_t i = 0; i < ServiceTimes::kRecent; ++i) times.AddEnded(1ms);
  for (int64_t i = 0; i < 4 * ServiceTimes::kRecent; ++i) times.AddEnded(10ms);
  EXPECT_NEAR(times.Now().Quantile(0.1), 10e-3, 0.5e-3);
  EXPECT_LE(times.count(), ServiceTimes::kRecent);
}

TEST(ServiceTimesTest, ShortestAndLongestTimesHaveAPlace) {
  ServiceTimes times;
  for (int i = 0; i < 50; ++i) times.AddEnded(0ns);
  for (int i = 0; i < 50; ++i) times.AddEnded(std::chrono::hours(1000));
  const Distribution now = times.Now();
  EXPECT_LT(now.Quantile(0.4), 2e-6);
  EXPECT_GT(now.Quantile(0.6), 3600);
}

TEST(ServiceTimesTest, SeveralThreadsLoseNothing) {
  ServiceTimes times;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int call = 0; call < 1000; ++call) times.AddEnded(1ms);
      });
    }
  }
  EXPECT_EQ(times.count(), 4000);
}

}  // namespace
}  // namespace raceway::engine::schedule
