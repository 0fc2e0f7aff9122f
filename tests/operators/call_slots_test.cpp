#include "operators/models/call_slots.h"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

#include "engine/clock.h"

namespace raceway::operators {
namespace {

using engine::CancelToken;
using engine::ErrorCode;
using namespace std::chrono_literals;

TEST(CallSlotsTest, NoMoreThanThereAreRunAtOnce) {
  CallSlots slots(2);
  const CancelToken never;
  std::atomic<int> num_running = 0;
  std::atomic<int> most = 0;
  std::vector<std::jthread> callers;
  for (int i = 0; i < 6; ++i) {
    callers.emplace_back([&] {
      for (int call = 0; call < 200; ++call) {
        ASSERT_EQ(slots.Take(never), std::nullopt);
        const int now = ++num_running;
        for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) continue;
        std::this_thread::yield();
        --num_running;
        slots.Give();
      }
    });
  }
  callers.clear();
  EXPECT_LE(most, 2);
  EXPECT_EQ(slots.Take(never), std::nullopt);
  EXPECT_EQ(slots.Take(never), std::nullopt);  // two can: it returns
}

TEST(CallSlotsTest, WhoWaitsCanBeStopped) {
  CallSlots slots(1);
  CancelToken token;
  ASSERT_EQ(slots.Take(token), std::nullopt);
  std::optional<ErrorCode> why;
  std::jthread waits([&] { why = slots.Take(token); });
  std::this_thread::sleep_for(10ms);
  token.Cancel();
  waits.join();
  EXPECT_EQ(why, ErrorCode::kCancelled);

  const engine::SteadyClock clock;
  CancelToken late;
  late.SetDeadline(clock.Now() + 5ms, clock);
  EXPECT_EQ(slots.Take(late), ErrorCode::kDeadlineExceeded);
  slots.Give();
  EXPECT_EQ(slots.Take(CancelToken()), std::nullopt);
}

}  // namespace
}  // namespace raceway::operators
