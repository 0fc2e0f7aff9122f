#include "engine/call_slots.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <thread>
#include <vector>

#include "engine/clock.h"
#include "engine/gate.h"

namespace raceway::engine {
namespace {

using namespace std::chrono_literals;

/// Why it is not let in, and nothing if it is.
std::optional<ErrorCode> Try(CallSlots& slots, const CancelToken& cancel) {
  try {
    const CallSlot slot(slots, cancel);
  } catch (const Stopped& stopped) {
    return stopped.code;
  }
  return std::nullopt;
}

TEST(CallSlotsTest, NoMoreThanThereAreRunAtOnce) {
  CallSlots slots(2);
  const CancelToken never;
  std::atomic<int> num_running = 0;
  std::atomic<int> most = 0;
  std::vector<std::jthread> callers;
  for (int i = 0; i < 6; ++i) {
    callers.emplace_back([&] {
      for (int call = 0; call < 200; ++call) {
        const CallSlot slot(slots, never);
        const int now = ++num_running;
        for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) continue;
        std::this_thread::yield();
        --num_running;
      }
    });
  }
  callers.clear();
  EXPECT_LE(most, 2);
  const CallSlot one(slots, never);
  const CallSlot other(slots, never);  // two can: it returns
}

TEST(CallSlotsTest, WhoWaitsCanBeStopped) {
  CallSlots slots(1);
  CancelToken token;
  const SteadyClock clock;
  std::optional<ErrorCode> why;
  {
    const CallSlot slot(slots, token);
    std::jthread waits([&] { why = Try(slots, token); });
    std::this_thread::sleep_for(10ms);
    token.Cancel();
    waits.join();
    EXPECT_EQ(why, ErrorCode::kCancelled);

    CancelToken late;
    late.SetDeadline(clock.Now() + 5ms, clock);
    EXPECT_EQ(Try(slots, late), ErrorCode::kDeadlineExceeded);
  }
  EXPECT_EQ(Try(slots, CancelToken()), std::nullopt);
}

}  // namespace
}  // namespace raceway::engine
