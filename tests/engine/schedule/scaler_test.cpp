#include "engine/schedule/scaler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

namespace raceway::engine::schedule {
namespace {

constexpr double kTick = 0.1;

/// Clients that call a stage again as soon as they have an answer, and its instances over time.
class ClosedLoop {
 public:
  ClosedLoop(ScaleLimits limits, double call_seconds)
      : scaler_(limits), call_seconds_(call_seconds), instances_(limits.least) {}

  void AddClients(int count) {
    for (int i = 0; i < count; ++i) waiting_.push_back(now_);
    Start();
  }

  void RunUntil(double end) {
    while (now_ < end) {
      const double tick = last_tick_ + kTick;
      if (!running_.empty() && running_.top().first <= tick) {
        now_ = running_.top().first;
        latencies_.emplace_back(now_, now_ - running_.top().second);
        running_.pop();
        waiting_.push_back(now_);
      } else {
        now_ = last_tick_ = tick;
        const double per_second = num_begun_ / kTick;
        num_begun_ = 0;
        instances_ = scaler_.Decide(
            {per_second, call_seconds_, static_cast<int64_t>(waiting_.size())}, now_);
      }
      Start();
    }
  }

  int instances() const { return instances_; }
  double P50(double from, double to) const {
    std::vector<double> found;
    for (const auto& [end, latency] : latencies_) {
      if (end >= from && end < to) found.push_back(latency);
    }
    std::sort(found.begin(), found.end());
    return found.at(found.size() / 2);
  }

 private:
  void Start() {
    while (static_cast<int>(running_.size()) < instances_ && !waiting_.empty()) {
      running_.push({now_ + call_seconds_, waiting_.front()});
      waiting_.pop_front();
      ++num_begun_;
    }
  }

  Scaler scaler_;
  const double call_seconds_;
  int instances_;
  double now_ = 0;
  double last_tick_ = 0;
  double num_begun_ = 0;
  std::deque<double> waiting_;  // since when
  std::priority_queue<std::pair<double, double>, std::vector<std::pair<double, double>>,
                      std::greater<>>
      running_;  // end, asked
  std::vector<std::pair<double, double>> latencies_;
};

TEST(ScalerTest, FourTimesTheLoadIsServedAsBeforeWithinTwoSeconds) {
  ClosedLoop slow({.least = 3}, 0.1);
  slow.AddClients(4);
  slow.RunUntil(15);
  const double before = slow.P50(10, 15);
  slow.AddClients(12);
  slow.RunUntil(30);
  EXPECT_LE(slow.P50(17, 18), before * 1.1);
  EXPECT_LE(slow.P50(18, 30), before * 1.02);
  EXPECT_LE(slow.instances(), 24);
}

TEST(ScalerTest, AStageThatHasLittleToDoStaysAsItIs) {
  Scaler scaler({});
  for (int i = 0; i < 100; ++i) EXPECT_EQ(scaler.Decide({160, 5e-5, 0}, i * kTick), 1);
}

TEST(ScalerTest, WhatIsNotNeededGoesButNotAtOnce) {
  Scaler scaler({.hold = 5});
  EXPECT_EQ(scaler.Decide({80, 0.1, 0}, 0), 10);
  for (double now = kTick; now < 2.5; now += kTick) {
    EXPECT_EQ(scaler.Decide({8, 0.1, 0}, now), 10) << now;
  }
  for (double now = 2.5; now < 8; now += kTick) scaler.Decide({8, 0.1, 0}, now);
  EXPECT_EQ(scaler.Decide({8, 0.1, 0}, 8), 1);
}

TEST(ScalerTest, LoadThatComesAndGoesDoesNotShakeIt) {
  Scaler scaler({.hold = 5});
  int num_changes = 0;
  int last = 1;
  for (int i = 0; i < 600; ++i) {
    const bool is_high = i / 10 % 2 == 0;
    const int now = scaler.Decide({is_high ? 80.0 : 8.0, 0.1, 0}, i * kTick);
    num_changes += now != last ? 1 : 0;
    last = now;
  }
  EXPECT_LE(num_changes, 1);
}

TEST(ScalerTest, LimitsHold) {
  Scaler scaler({.least = 2, .most = 8});
  EXPECT_EQ(scaler.Decide({}, 0), 2);
  EXPECT_EQ(scaler.Decide({1e6, 10, 1'000'000}, 1), 8);
}

}  // namespace
}  // namespace raceway::engine::schedule
