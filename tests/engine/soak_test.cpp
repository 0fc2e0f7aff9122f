// Hours of a service in a minute: callers, cancels, deadlines, failing operators and engines that
// come and go, and in the end every request has been answered once and no memory is lost.
// RACEWAY_SOAK_SECONDS says for how long, 60 if not set.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "engine/engine.h"
#include "tests/engine/flows.h"
#include "tests/support/resident.h"

namespace raceway::engine {
namespace {

using testing::Add;
using testing::FlowBuilder;
using testing::Hook;
using testing::Rows;
using testing::TextOf;
using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;
using tests::ResidentBytes;

constexpr int kCallers = 4;

std::chrono::seconds SoakTime() {
  const char* const seconds = std::getenv("RACEWAY_SOAK_SECONDS");
  return std::chrono::seconds(seconds == nullptr ? 60 : std::atoi(seconds));
}

/// Rows below 0 make it fail, throw or dawdle.
Hook Moody() {
  return [](Batch batch, RunContext& context) -> Result<Batch> {
    switch (testing::RowsOf(batch).at(0)) {
      case -1: return Error{.code = ErrorCode::kFailed, .message = "fails"};
      case -2: throw std::runtime_error("throws");
      case -3:
        for (int i = 0; i < 100 && !context.cancel.Check(); ++i) std::this_thread::sleep_for(10us);
        return batch;
      default: return batch;
    }
  };
}

/// Two branches of which one is moody, and their rows together.
PhysicalPlan Plan() {
  FlowBuilder builder("soak");
  const Port top = builder.Then(FlowBuilder::kInput, Add(0));
  const Port left = builder.Fused(top, {Moody(), Add(1)}, true);
  const Port right = builder.Then(builder.Then(top, Add(1), true), Add(1));
  builder.Merge({left, right});
  return builder.Build();
}

/// What a caller saw. Every kind of end must have been met, or the soak tested less than it says.
struct Ends {
  std::atomic<int64_t> right = 0;
  std::atomic<int64_t> failed = 0;
  std::atomic<int64_t> cancelled = 0;
  std::atomic<int64_t> late = 0;
  std::atomic<int64_t> wrong = 0;

  int64_t sum() const { return right + failed + cancelled + late + wrong; }

  void Note(const Result<Batch>& result, int64_t x) {
    if (result.ok()) {
      const std::string expected = std::to_string(x + 1) + " " + std::to_string(x + 2);
      ++(TextOf(result) == expected ? right : wrong);
      return;
    }
    switch (result.error().code) {
      case ErrorCode::kFailed: ++(x == -1 || x == -2 ? failed : wrong); break;
      case ErrorCode::kCancelled: ++cancelled; break;
      case ErrorCode::kDeadlineExceeded: ++late; break;
      default: ++wrong;
    }
  }
};

/// One engine, some thousand requests from several callers; returns how many were asked.
int64_t OneLife(const PhysicalPlan& plan, uint32_t seed, Ends& ends) {
  auto engine = std::make_unique<Engine>(EngineOptions{
      .num_workers = 1 + static_cast<int>(seed % 3), .factories = FlowBuilder::Factories()});
  Result<FlowHandle> flow = engine->Deploy(plan, ".");
  if (!flow) throw std::runtime_error(flow.error().Text());
  std::atomic<int64_t> asked = 0;
  std::vector<std::jthread> callers;
  for (int caller = 0; caller < kCallers; ++caller) {
    callers.emplace_back([&, caller] {
      std::mt19937 random(seed * kCallers + static_cast<uint32_t>(caller));
      for (int i = 0; i < 500; ++i) {
        const auto kind = random() % 10;
        const int64_t x = kind < 3 ? -1 - static_cast<int64_t>(kind) : i;
        RequestOptions options;
        if (random() % 4 == 0) options.deadline = SteadyClock::now() + 200us;
        auto cancel = std::make_shared<CancelToken>();
        if (random() % 4 == 0) options.cancel = cancel;
        ++asked;
        if (random() % 2 == 0) {
          ends.Note(engine->Run(**flow, Rows({x}), std::move(options)), x);
        } else {
          engine->Submit(**flow, Rows({x}), std::move(options),
                         [&ends, x](Result<Batch> result) { ends.Note(result, x); });
        }
        cancel->Cancel();
      }
    });
  }
  callers.clear();
  engine.reset();  // waits for what is still under way
  return asked;
}

TEST(SoakTest, LivesAreAlike) {
  const PhysicalPlan plan = Plan();
  Ends ends;
  int64_t asked = 0;
  int64_t warm_bytes = 0;
  uint32_t life = 0;
  const auto began = SteadyClock::now();
  const auto end = began + SoakTime();
  // After a tenth of the time every cache and arena has its size.
  const auto warm = began + SoakTime() / 10;
  for (; SteadyClock::now() < end; ++life) {
    if (warm_bytes == 0 && SteadyClock::now() > warm) warm_bytes = ResidentBytes();
    asked += OneLife(plan, life, ends);
    ASSERT_EQ(ends.sum(), asked) << "life " << life;
    ASSERT_EQ(ends.wrong, 0) << "life " << life;
  }
  const int64_t grown = ResidentBytes() - warm_bytes;
  RecordProperty("lives", std::to_string(life));
  std::printf(
      "%u engines, %ld requests: %ld right, %ld failed, %ld cancelled, %ld late; %+ld KiB\n", life,
      asked, ends.right.load(), ends.failed.load(), ends.cancelled.load(), ends.late.load(),
      grown / 1024);
  EXPECT_GT(ends.right, 0);
  EXPECT_GT(ends.failed, 0);
  EXPECT_GT(ends.cancelled, 0);
  EXPECT_GT(ends.late, 0);
  // A request that leaks its smallest object would lose more than this in a minute.
  ASSERT_NE(warm_bytes, 0);
  EXPECT_LT(grown, 8 << 20);
}

}  // namespace
}  // namespace raceway::engine
