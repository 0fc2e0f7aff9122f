#include "engine/load/load_limit.h"

#include <gtest/gtest.h>

namespace raceway::engine::load {
namespace {

using namespace std::chrono_literals;

constexpr LoadRates kMegabyteAMillisecond = {.read = 1e9};

TEST(LoadLimitTest, BytesThatAreLastLeaveOnlyTheirOwnComputing) {
  // After 1 ms: 2 ms of computing and 9 more would end at 12, but 10 MB are there at 10, then 3 ms.
  const std::vector<UseStep> steps = {{1'000'000, 2ms}, {0, 1ms}, {9'000'000, 3ms}};
  const LoadLimit limit = LimitOf(steps, kMegabyteAMillisecond);
  EXPECT_EQ(limit.time, 13ms);
  EXPECT_EQ(limit.num_bytes, 10'000'000u);
  EXPECT_EQ(limit.reading, 10ms);
  EXPECT_EQ(limit.computing, 3ms);
}

TEST(LoadLimitTest, ComputingThatIsSlowerHangsOnTheFirstBytes) {
  const std::vector<UseStep> steps = {{0, 1ms}, {2'000'000, 20ms}, {3'000'000, 4ms}};
  const LoadLimit limit = LimitOf(steps, kMegabyteAMillisecond);
  EXPECT_EQ(limit.time, 26ms);
  EXPECT_EQ(limit.reading, 2ms);
  EXPECT_EQ(limit.computing, 24ms);
}

TEST(LoadLimitTest, ItMayHangInTheMiddle) {
  const std::vector<UseStep> steps = {{1'000'000, 1ms}, {8'000'000, 6ms}, {1'000'000, 2ms}};
  EXPECT_EQ(LimitOf(steps, kMegabyteAMillisecond).time, 17ms);
}

TEST(LoadLimitTest, WithoutBytesOnlyComputingCounts) {
  EXPECT_EQ(LimitOf({}, kMegabyteAMillisecond).time, 0ns);
  const std::vector<UseStep> steps = {{0, 1ms}, {0, 2ms}};
  LoadRates late = kMegabyteAMillisecond;
  late.latency = 100ms;
  EXPECT_EQ(LimitOf(steps, late).time, 3ms);
  const std::vector<UseStep> read = {{5'000'000, 1ms}};
  EXPECT_EQ(LimitOf(read, LoadRates{}).time, 1ms);
}

TEST(LoadLimitTest, TheSlowestStationCounts) {
  const std::vector<UseStep> steps = {{4'000'000, 1ms}};
  LoadRates rates = kMegabyteAMillisecond;
  rates.latency = 100us;
  EXPECT_EQ(LimitOf(steps, rates).time, 5100us);
  rates.verify = 0.5e9;
  EXPECT_EQ(LimitOf(steps, rates).time, 9100us);
  rates.copy = 0.25e9;
  EXPECT_EQ(LimitOf(steps, rates).time, 17100us);
}

TEST(LoadLimitTest, AStorageIsNeededOnce) {
  const TimePoint t0 = {};
  std::vector<LoadEvent> events = {
      {.lane = Lane::kExecute, .begin = t0, .end = t0 + 2ms, .reads = {{3, 100}, {4, 10}}},
      {.lane = Lane::kWait, .begin = t0 + 2ms, .end = t0 + 3ms, .storage = 4},
      {.lane = Lane::kExecute, .begin = t0 + 3ms, .end = t0 + 4ms, .reads = {{4, 10}, {5, 7}}},
      {.lane = Lane::kExecute, .begin = t0 + 4ms, .end = t0 + 9ms},
  };
  const std::vector<UseStep> steps = StepsOf(events);
  ASSERT_EQ(steps.size(), 3u);
  EXPECT_EQ(steps[0].num_bytes, 110u);
  EXPECT_EQ(steps[0].compute, 2ms);
  EXPECT_EQ(steps[1].num_bytes, 7u);
  EXPECT_EQ(steps[2].num_bytes, 0u);
  EXPECT_EQ(steps[2].compute, 5ms);
}

TEST(LoadLimitTest, RatesAreThoseOfTheTimeInWhichSomethingWasDone) {
  const TimePoint t0 = {};
  const LoadTrace trace = {
      t0,
      t0 + 10ms,
      {{.lane = Lane::kRetrieve, .begin = t0, .end = t0 + 2ms, .num_bytes = 1'000'000},
       {.lane = Lane::kRetrieve, .begin = t0 + 1ms, .end = t0 + 3ms, .num_bytes = 2'000'000},
       {.lane = Lane::kVerify, .begin = t0 + 8ms, .end = t0 + 9ms, .num_bytes = 500'000}}};
  const LoadRates rates = RatesOf(FiguresOf(trace));
  EXPECT_DOUBLE_EQ(rates.read, 1e9);
  EXPECT_DOUBLE_EQ(rates.verify, 0.5e9);
  EXPECT_EQ(rates.copy, LoadRates::kFree);
  EXPECT_DOUBLE_EQ(rates.slowest(), 0.5e9);
}

}  // namespace
}  // namespace raceway::engine::load
