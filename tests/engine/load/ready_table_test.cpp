#include "engine/load/ready_table.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace raceway::engine::load {
namespace {

using std::chrono::milliseconds;

TEST(ReadyTableTest, EachStorageIsSettledOnce) {
  ReadyTable table(3);
  EXPECT_FALSE(table.IsReady(1));
  EXPECT_TRUE(table.Publish(1));
  EXPECT_FALSE(table.Publish(1));
  EXPECT_FALSE(table.Fail(1, {ErrorCode::kFailed, "late"}));
  EXPECT_TRUE(table.IsReady(1));
  EXPECT_TRUE(table.Wait(1).ok());
  EXPECT_TRUE(table.Fail(0, {ErrorCode::kFailed, "broken"}));
  EXPECT_FALSE(table.Publish(0));
  EXPECT_EQ(table.Wait(0).error().message, "broken");
  EXPECT_EQ(table.CountPending(), 1);
  table.FailAll({ErrorCode::kCancelled, "over"});
  EXPECT_EQ(table.Wait(0).error().message, "broken");
  EXPECT_TRUE(table.Wait(1).ok());
  EXPECT_EQ(table.Wait(2).error().message, "over");
  EXPECT_EQ(table.CountPending(), 0);
}

TEST(ReadyTableTest, WakesAllWhoWait) {
  for (int round = 0; round < 200; ++round) {
    ReadyTable table(2);
    int value = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        EXPECT_TRUE(table.Wait(0).ok());
        EXPECT_EQ(value, 5);
        EXPECT_FALSE(table.Wait(1).ok());
      });
    }
    value = 5;
    table.Publish(0);
    table.Fail(1, {ErrorCode::kFailed, "broken"});
    for (std::thread& thread : threads) thread.join();
  }
}

TEST(ReadyTableTest, StopsWaitingWhenTheTokenSaysSo) {
  const ReadyTable table(1);
  CancelToken late;
  const SteadyClock clock;
  late.SetDeadline(clock.Now() + milliseconds(20), clock);
  EXPECT_EQ(table.Wait(0, &late).error().code, ErrorCode::kDeadlineExceeded);
  EXPECT_GE(clock.Now(), *late.deadline());
  CancelToken cancelled;
  std::thread other([&] {
    std::this_thread::sleep_for(milliseconds(20));
    cancelled.Cancel();
  });
  EXPECT_EQ(table.Wait(0, &cancelled).error().code, ErrorCode::kCancelled);
  other.join();
}

}  // namespace
}  // namespace raceway::engine::load
