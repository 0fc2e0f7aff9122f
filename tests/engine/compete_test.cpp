// Runs of one step that race for its calls: `compete { … }`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "tests/engine/flows.h"

namespace raceway::engine {
namespace {

using testing::Add;
using testing::FlowBuilder;
using ::testing::HasSubstr;
using testing::Hook;
using testing::Rows;
using testing::TextOf;
using namespace std::chrono_literals;

constexpr Port kInput = FlowBuilder::kInput;

HintSpec Hint(const std::string& name, Value value) {
  return {
      .name = "compete." + name, .value = std::move(value), .text = {}, .origin = {}, .where = {}};
}

/// Sleeps, unless it is stopped.
Status Sleep(std::chrono::milliseconds time, const RunContext& context) {
  const TimePoint end = context.clock.Now() + time;
  while (context.clock.Now() < end) {
    if (const auto stop = context.cancel.Check()) {
      return Error{.code = *stop, .message = "stopped"};
    }
    std::this_thread::sleep_for(200us);
  }
  return Done{};
}

class CompeteTest : public ::testing::Test {
 protected:
  /// A stage that competes, and one behind it that adds 1.
  static PhysicalPlan Plan(Hook hook, std::vector<HintSpec> hints) {
    FlowBuilder builder;
    builder.Then(builder.Then(kInput, std::move(hook)), Add(1));
    PhysicalPlan plan = builder.Build();
    plan.stages[0].steps[0].hints = std::move(hints);
    return plan;
  }
  static std::unique_ptr<Engine> MakeEngine(int num_workers = 4) {
    EngineOptions options;
    options.num_workers = num_workers;
    options.may_raise_thread_limit = true;
    options.factories = FlowBuilder::Factories();
    return std::make_unique<Engine>(std::move(options));
  }
  FlowHandle Deploy(const PhysicalPlan& plan, int num_workers = 4) {
    engine_ = MakeEngine(num_workers);
    Result<FlowHandle> flow = engine_->Deploy(plan, ".");
    EXPECT_TRUE(flow.ok()) << flow.error().Text();
    return *flow;
  }
  static std::chrono::nanoseconds Since(TimePoint begin) {
    return std::chrono::steady_clock::now() - begin;
  }

  std::atomic<int> num_begun_ = 0;
  std::atomic<int> num_stopped_ = 0;
  std::atomic<int> num_ended_ = 0;
  std::unique_ptr<Engine> engine_;
};

TEST_F(CompeteTest, TheFirstAnswerWinsAndTheOthersStop) {
  const FlowHandle flow = Deploy(Plan(
      [&](Batch batch, RunContext& context) -> Result<Batch> {
        const int run = num_begun_++;
        Status slept = Sleep(run % 3 == 1 ? 5ms : 20s, context);
        ++(slept ? num_ended_ : num_stopped_);
        if (!slept) return std::move(slept).error();
        return batch;
      },
      {Hint("replicas", int64_t{3})}));
  const TimePoint begin = std::chrono::steady_clock::now();
  EXPECT_EQ(TextOf(engine_->Run(*flow, Rows({1, 2}))), "2 3");
  EXPECT_LT(Since(begin), 10s);
  engine_.reset();  // waits for all runs
  EXPECT_LE(num_begun_, 3);
  EXPECT_EQ(num_ended_, 1);
  EXPECT_EQ(num_stopped_, num_begun_ - 1);
}

TEST_F(CompeteTest, TheRequestGoesOnWhereACopyWins) {
  std::promise<void> over;
  std::shared_future<void> until = over.get_future().share();
  const FlowHandle flow = Deploy(Plan(
      [&, until](Batch batch, RunContext&) -> Result<Batch> {
        if (num_begun_++ == 0) until.wait();  // it does not look at its token
        return batch;
      },
      {Hint("after", int64_t{2'000'000})}));
  auto answer = engine_->Submit(*flow, Rows({4}));
  ASSERT_EQ(answer.wait_for(10s), std::future_status::ready);
  EXPECT_EQ(TextOf(answer.get()), "5");
  over.set_value();
}

TEST_F(CompeteTest, ALateCopyThatIsNotNeededNeverStarts) {
  const FlowHandle flow = Deploy(Plan(
      [&](Batch batch, RunContext&) -> Result<Batch> {
        ++num_begun_;
        return batch;
      },
      {Hint("replicas", int64_t{4}), Hint("after", int64_t{20'000'000})}));
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(TextOf(engine_->Run(*flow, Rows({i}))), std::to_string(i + 1));
  std::this_thread::sleep_for(60ms);
  EXPECT_EQ(num_begun_, 100);
}

TEST_F(CompeteTest, AQueuedLoserNeverStarts) {
  // The only worker is busy until the caller's own run has ended.
  std::promise<void> over;
  std::shared_future<void> until = over.get_future().share();
  FlowBuilder builder("busy");
  builder.Then(kInput, [until](Batch batch, RunContext&) -> Result<Batch> {
    until.wait();
    return batch;
  });
  const PhysicalPlan busy = builder.Build();
  const FlowHandle flow = Deploy(Plan(
                                     [&](Batch batch, RunContext&) -> Result<Batch> {
                                       ++num_begun_;
                                       return batch;
                                     },
                                     {Hint("replicas", int64_t{3})}),
                                 1);
  const FlowHandle blocker = *engine_->Deploy(busy, ".");
  auto blocked = engine_->Submit(*blocker, Rows({0}));
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(TextOf(engine_->Run(*flow, Rows({1}))), "2");
  over.set_value();
  blocked.wait();
  engine_.reset();
  EXPECT_EQ(num_begun_, 1);
}

TEST_F(CompeteTest, AnErrorDoesNotWinWhileAnotherRunMay) {
  const FlowHandle flow = Deploy(Plan(
      [&](Batch batch, RunContext& context) -> Result<Batch> {
        if (num_begun_++ == 0) return Error{.code = ErrorCode::kFailed, .message = "no luck"};
        if (Status slept = Sleep(10ms, context); !slept) return std::move(slept).error();
        return batch;
      },
      {Hint("replicas", int64_t{2})}));
  auto answer = engine_->Submit(*flow, Rows({1}));
  EXPECT_EQ(TextOf(answer.get()), "2");
}

TEST_F(CompeteTest, WhereAllFailAllCausesAreTold) {
  const FlowHandle flow = Deploy(Plan(
      [&](Batch, RunContext& context) -> Result<Batch> {
        const int run = num_begun_++;
        while (num_begun_ < 2) std::this_thread::yield();
        if (Status slept = Sleep(run * 5ms, context); !slept) return std::move(slept).error();
        return Error{.code = ErrorCode::kFailed, .message = "cause " + std::to_string(run)};
      },
      {Hint("replicas", int64_t{2})}));
  const Result<Batch> answer = engine_->Submit(*flow, Rows({1})).get();
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, ErrorCode::kFailed);
  EXPECT_THAT(answer.error().Text(), HasSubstr("cause 0; another run: cause 1"));
}

TEST_F(CompeteTest, AQuantileIsLearnedFirst) {
  std::atomic<bool> is_slow = false;
  const FlowHandle flow = Deploy(Plan(
      [&](Batch batch, RunContext& context) -> Result<Batch> {
        ++num_begun_;
        const bool is_mine = is_slow.exchange(false);
        if (Status slept = Sleep(is_mine ? 10s : 2ms, context); !slept) {
          return std::move(slept).error();
        }
        return batch;
      },
      {Hint("after", "p95")}));
  for (int i = 0; i < 19; ++i) ASSERT_TRUE(engine_->Run(*flow, Rows({i})).ok());
  EXPECT_EQ(num_begun_, 19);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(engine_->Run(*flow, Rows({i})).ok());
  const TimePoint begin = std::chrono::steady_clock::now();
  is_slow = true;
  EXPECT_EQ(TextOf(engine_->Submit(*flow, Rows({1})).get()), "2");
  EXPECT_LT(Since(begin), 5s);
}

TEST_F(CompeteTest, ABudgetBoundsTheCopies) {
  const FlowHandle flow = Deploy(Plan(
      [&](Batch batch, RunContext& context) -> Result<Batch> {
        ++num_begun_;
        if (Status slept = Sleep(2ms, context); !slept) return std::move(slept).error();
        return batch;
      },
      {Hint("replicas", int64_t{2}), Hint("budget", 0.1)}));
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(engine_->Run(*flow, Rows({i})).ok());
  engine_.reset();
  EXPECT_LE(num_begun_, 110);
  EXPECT_GE(num_begun_, 102);
}

TEST_F(CompeteTest, AdaptiveRacesBeatStragglers) {
  std::atomic<int> num_calls = 0;
  const FlowHandle flow = Deploy(Plan(
      [&](Batch batch, RunContext& context) -> Result<Batch> {
        const bool is_straggler = num_calls++ % 50 == 49;
        if (Status slept = Sleep(is_straggler ? 200ms : 10ms, context); !slept) {
          return std::move(slept).error();
        }
        return batch;
      },
      {Hint("adaptive", true)}));
  for (int i = 0; i < 120; ++i) ASSERT_TRUE(engine_->Run(*flow, Rows({i})).ok());
  num_calls = 0;
  std::chrono::nanoseconds longest{};
  for (int i = 0; i < 100; ++i) {
    const TimePoint begin = std::chrono::steady_clock::now();
    ASSERT_TRUE(engine_->Run(*flow, Rows({i})).ok());
    longest = std::max<std::chrono::nanoseconds>(longest, Since(begin));
  }
  EXPECT_LT(longest, 170ms);
  EXPECT_LT(num_calls, 115);
}

TEST_F(CompeteTest, DeadlinesAndCallersEndAllRuns) {
  const FlowHandle flow = Deploy(Plan(
      [&](Batch batch, RunContext& context) -> Result<Batch> {
        ++num_begun_;
        if (Status slept = Sleep(20s, context); !slept) {
          ++num_stopped_;
          return std::move(slept).error();
        }
        return batch;
      },
      {Hint("replicas", int64_t{3})}));
  const TimePoint begin = std::chrono::steady_clock::now();
  EXPECT_EQ(engine_->Run(*flow, Rows({1}), {.deadline = begin + 30ms, .cancel = {}}).error().code,
            ErrorCode::kDeadlineExceeded);
  auto cancel = std::make_shared<CancelToken>();
  auto answer = engine_->Submit(*flow, Rows({1}), {.deadline = {}, .cancel = cancel});
  std::this_thread::sleep_for(30ms);
  cancel->Cancel();
  EXPECT_EQ(answer.get().error().code, ErrorCode::kCancelled);
  cancel.reset();  // losers may look at it for a while
  engine_.reset();
  EXPECT_EQ(num_stopped_, num_begun_);
  EXPECT_LT(Since(begin), 10s);
}

TEST_F(CompeteTest, InABranchAWinningCopyStopsTheFirstRun) {
  FlowBuilder builder;
  builder.Branch(kInput, "guard", {{"timeout", int64_t{10'000'000'000}}},
                 {{"try", {[&](Batch batch, RunContext& context) -> Result<Batch> {
                     if (num_begun_++ == 0) {
                       if (Status slept = Sleep(20s, context); !slept) {
                         return std::move(slept).error();
                       }
                     }
                     return batch;
                   }}}});
  PhysicalPlan plan = builder.Build();
  plan.stages[0].steps[0].branches[0].stages[0].steps[0].hints = {Hint("replicas", int64_t{2})};
  const FlowHandle flow = Deploy(plan);
  const TimePoint begin = std::chrono::steady_clock::now();
  EXPECT_EQ(TextOf(engine_->Run(*flow, Rows({7}))), "7");
  EXPECT_LT(Since(begin), 5s);
}

TEST_F(CompeteTest, ManyRequestsAtOnceEndOnceEach) {
  const FlowHandle flow = Deploy(Plan(
      [&](Batch batch, RunContext& context) -> Result<Batch> {
        const int run = num_begun_++;
        if (run % 7 == 0) return Error{.code = ErrorCode::kFailed, .message = "seven"};
        if (Status slept = Sleep(std::chrono::milliseconds(run % 5), context); !slept) {
          return std::move(slept).error();
        }
        return batch;
      },
      {Hint("replicas", int64_t{3}), Hint("after", int64_t{1'000'000})}));
  std::atomic<int> num_answers = 0;
  for (int i = 0; i < 500; ++i) {
    engine_->Submit(*flow, Rows({i}), {}, [&, i](Result<Batch> answer) {
      if (answer.ok()) {
        EXPECT_EQ(TextOf(answer), std::to_string(i + 1));
      }
      ++num_answers;
    });
  }
  engine_.reset();
  EXPECT_EQ(num_answers, 500);
}

TEST_F(CompeteTest, HintsThatNoCompilerWritesAreRefused) {
  engine_ = MakeEngine();
  const Result<FlowHandle> flow =
      engine_->Deploy(Plan(testing::Pass(), {Hint("replicas", int64_t{65})}), ".");
  ASSERT_FALSE(flow.ok());
  EXPECT_THAT(flow.error().Text(), HasSubstr("the hint `compete.replicas` cannot be 65"));
}

}  // namespace
}  // namespace raceway::engine
