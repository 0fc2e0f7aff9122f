#include "engine/engine.h"

#include <c10/util/Exception.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <chrono>
#include <latch>
#include <memory>
#include <set>
#include <stdexcept>
#include <thread>

#include "engine/gate.h"
#include "tests/engine/flows.h"

namespace raceway::engine {
namespace {

using testing::Add;
using testing::FakeClock;
using testing::FlowBuilder;
using ::testing::HasSubstr;
using testing::Hook;
using testing::Pass;
using testing::Rows;
using testing::RowsOf;
using testing::TextOf;
using namespace std::chrono_literals;

constexpr Port kInput = FlowBuilder::kInput;

std::unique_ptr<Engine> MakeEngine(int num_workers = 2, const Clock* clock = nullptr) {
  return std::make_unique<Engine>(EngineOptions{.num_workers = num_workers,
                                                .factories = FlowBuilder::Factories(),
                                                .clock = clock,
                                                .may_raise_thread_limit = true});
}

FlowHandle Deploy(Engine& engine, FlowBuilder& builder) {
  Result<FlowHandle> flow = engine.Deploy(builder.Build(), ".");
  if (!flow) throw std::runtime_error(flow.error().Text());
  return *flow;
}

Hook Fails(std::string message) {
  return [message](Batch, RunContext&) -> Result<Batch> {
    return Error{.code = ErrorCode::kFailed, .message = message, .row_id = 2};
  };
}
template <typename Exception>
Hook Throws(Exception exception) {
  return [exception](Batch, RunContext&) -> Result<Batch> { throw exception; };
}
Hook Counts(std::atomic<int>& counter) {
  return [&counter](Batch batch, RunContext&) -> Result<Batch> {
    ++counter;
    return batch;
  };
}

TEST(EngineTest, RunsAChain) {
  auto engine = MakeEngine();
  FlowBuilder builder;
  builder.Then(builder.Fused(builder.Then(kInput, Add(1)), {Add(10), Add(100)}), Add(1000));
  const FlowHandle flow = Deploy(*engine, builder);
  EXPECT_EQ(TextOf(engine->Run(*flow, Rows({1, 2}))), "1112 1113");
  EXPECT_EQ(TextOf(engine->Submit(*flow, Rows({5})).get()), "1116");
  EXPECT_EQ(TextOf(engine->Run(*flow, Rows({}))), "");
}

TEST(EngineTest, RunsADiamond) {
  for (const bool own_task : {false, true}) {
    auto engine = MakeEngine();
    FlowBuilder builder;
    const Port top = builder.Then(kInput, Add(1));
    const Port left = builder.Then(top, Add(10), own_task);
    const Port right = builder.Then(top, Add(20), own_task);
    builder.Merge({left, right, top});
    const FlowHandle flow = Deploy(*engine, builder);
    for (int i = 0; i < 200; ++i) {
      EXPECT_EQ(TextOf(engine->Run(*flow, Rows({1, 2}))), "12 13 22 23 2 3");
      EXPECT_EQ(TextOf(engine->Submit(*flow, Rows({1, 2})).get()), "12 13 22 23 2 3");
    }
  }
}

TEST(EngineTest, SplitFeedsAStageFromSeveralOutputs) {
  auto engine = MakeEngine();
  FlowBuilder builder;
  const std::vector<Port> deal = builder.Split(kInput, 3);
  builder.Merge({deal[2], deal[0], deal[1], deal[2]});
  const FlowHandle flow = Deploy(*engine, builder);
  EXPECT_EQ(TextOf(engine->Run(*flow, Rows({0, 1, 2, 3, 4, 5}))), "2 5 0 3 1 4 2 5");
}

TEST(EngineTest, FanInWorksWithOneEmptySide) {
  auto engine = MakeEngine();
  std::atomic<int> odd_runs = 0;
  std::atomic<int> whole_table_runs = 0;
  FlowBuilder builder;
  const std::vector<Port> deal = builder.Split(kInput, 2);
  const Port odd = builder.Fused(deal[1], {Counts(odd_runs), Add(100)}, true);
  // What is not row by row is run on no rows, too.
  const Port even = builder.Then(deal[1], Counts(whole_table_runs), true, /*row_wise=*/false);
  builder.Merge({deal[0], odd, even});
  const FlowHandle flow = Deploy(*engine, builder);
  EXPECT_EQ(TextOf(engine->Run(*flow, Rows({2, 4}))), "2 4");
  EXPECT_EQ(odd_runs, 0);
  EXPECT_EQ(whole_table_runs, 1);
  EXPECT_EQ(TextOf(engine->Run(*flow, Rows({2, 3}))), "2 103 3");
  EXPECT_EQ(odd_runs, 1);
}

TEST(EngineTest, SeveralStagesReadTheInput) {
  auto engine = MakeEngine();
  FlowBuilder builder;
  const Port a = builder.Then(kInput, Add(1), true);
  const Port b = builder.Then(kInput, Add(2), true);
  const Port c = builder.Then(kInput, Add(3), true);
  builder.Merge({a, b, c, kInput});
  const FlowHandle flow = Deploy(*engine, builder);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(TextOf(engine->Run(*flow, Rows({0}))), "1 2 3 0");
}

TEST(EngineTest, BranchesWorthATaskRunSideBySide) {
  auto engine = MakeEngine();
  std::barrier meet(2);  // reached only if both branches run at once
  const Hook meets = [&meet](Batch batch, RunContext&) -> Result<Batch> {
    meet.arrive_and_wait();
    return batch;
  };
  FlowBuilder builder;
  const std::vector<Port> deal = builder.Split(kInput, 2);
  const Port left = builder.Then(builder.Then(deal[0], Pass()), meets, true);
  const Port right = builder.Then(deal[1], meets, true);
  builder.Merge({left, right});
  const FlowHandle flow = Deploy(*engine, builder);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(TextOf(engine->Run(*flow, Rows({1, 2}))), "2 1");
    EXPECT_EQ(TextOf(engine->Submit(*flow, Rows({1, 2})).get()), "2 1");
  }
}

TEST(EngineTest, WhatNoWorkerHasBegunIsTakenBack) {
  auto engine = MakeEngine(1);
  std::latch worker_is_in(1);
  std::latch go_on(1);
  FlowBuilder blocker;
  blocker.Then(kInput, [&](Batch batch, RunContext&) -> Result<Batch> {
    worker_is_in.count_down();
    go_on.wait();
    return batch;
  });
  const FlowHandle blocking = Deploy(*engine, blocker);
  FlowBuilder builder;
  std::vector<Port> branches;
  for (int64_t i = 0; i < 20; ++i) branches.push_back(builder.Then(kInput, Add(i), true));
  builder.Merge(branches);
  const FlowHandle flow = Deploy(*engine, builder);

  auto stuck = engine->Submit(*blocking, Rows({1}));
  worker_is_in.wait();
  auto answer = std::async(std::launch::async, [&] { return engine->Run(*flow, Rows({5})); });
  const bool is_there = answer.wait_for(10s) == std::future_status::ready;
  EXPECT_TRUE(is_there);
  CancelToken cancelled;
  cancelled.Cancel();
  std::future<void> gone;
  if (is_there) {
    // The worker finds offers of requests that are over, and of a flow that is.
    const auto cancel = std::shared_ptr<const CancelToken>(&cancelled, [](const CancelToken*) {});
    EXPECT_FALSE(engine->Run(*flow, Rows({5}), {.deadline = {}, .cancel = cancel}).ok());
    for (int i = 0; i < 1000; ++i) EXPECT_TRUE(engine->Run(*flow, Rows({5})).ok());
    gone = engine->Undeploy(*flow);
  }
  go_on.count_down();
  if (gone.valid()) gone.get();
  EXPECT_EQ(TextOf(answer.get()), "5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24");
  EXPECT_TRUE(stuck.get().ok());
}

TEST(EngineTest, AShortFlowStaysInTheThreadThatRunsIt) {
  auto engine = MakeEngine();
  std::set<std::thread::id> threads;
  const Hook notes = [&threads](Batch batch, RunContext&) -> Result<Batch> {
    threads.insert(std::this_thread::get_id());
    return batch;
  };
  FlowBuilder builder;
  const std::vector<Port> deal = builder.Split(builder.Then(kInput, notes), 2);
  builder.Merge({builder.Then(deal[0], notes, true), builder.Then(deal[1], notes)});
  const FlowHandle flow = Deploy(*engine, builder);
  ASSERT_TRUE(engine->Run(*flow, Rows({1, 2, 3})).ok());
  EXPECT_THAT(threads, ::testing::ElementsAre(std::this_thread::get_id()));
}

TEST(EngineTest, AChainOfAThousandStagesNeedsNoStack) {
  auto engine = MakeEngine();
  FlowBuilder builder;
  Port port = kInput;
  for (int i = 0; i < 1000; ++i) port = builder.Then(port, Add(1), i % 3 == 0);
  const FlowHandle flow = Deploy(*engine, builder);
  EXPECT_EQ(TextOf(engine->Run(*flow, Rows({0, 7}))), "1000 1007");
  EXPECT_EQ(TextOf(engine->Submit(*flow, Rows({1})).get()), "1001");
}

TEST(EngineTest, OthersProceedWhileOneRequestIsSlow) {
  auto engine = MakeEngine(2);
  std::latch slow_is_in(1);
  std::latch go_on(1);
  FlowBuilder builder;
  const Port slow = builder.Then(kInput, [&](Batch batch, RunContext&) -> Result<Batch> {
    if (RowsOf(batch).at(0) == 99) {
      slow_is_in.count_down();
      go_on.wait();
    }
    return batch;
  });
  builder.Then(slow, Add(1));
  const FlowHandle flow = Deploy(*engine, builder);
  auto stuck = engine->Submit(*flow, Rows({99}));
  slow_is_in.wait();
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(TextOf(engine->Submit(*flow, Rows({1})).get()), "2");
    EXPECT_EQ(TextOf(engine->Run(*flow, Rows({2}))), "3");
  }
  EXPECT_EQ(stuck.wait_for(0s), std::future_status::timeout);
  go_on.count_down();
  EXPECT_EQ(TextOf(stuck.get()), "100");
}

TEST(EngineTest, ErrorsNameTheStepAndItsPlace) {
  auto engine = MakeEngine();
  const auto run = [&](Hook hook) {
    FlowBuilder builder;
    builder.Then(builder.Fused(kInput, {Pass(), std::move(hook), Pass()}), Pass());
    std::string text = TextOf(engine->Run(*Deploy(*engine, builder), Rows({1})));
    const size_t number = text.find("hook ") + 5;  // hooks are numbered through the process
    return text.erase(number, text.find(' ', number) - number);
  };
  EXPECT_EQ(run(Fails("too dark")), "failed: hook  at test.flow:1:1: row 3: too dark");
  EXPECT_EQ(run(Throws(std::runtime_error("no luck\n"))),
            "failed: hook  at test.flow:1:1: no luck");
  EXPECT_EQ(run(Throws(c10::Error({__func__, __FILE__, __LINE__}, "bad shapes"))),
            "failed: hook  at test.flow:1:1: bad shapes");
  EXPECT_EQ(run(Throws(std::bad_alloc())), "failed: hook  at test.flow:1:1: out of memory");
  EXPECT_EQ(run(Throws(Stopped{ErrorCode::kDeadlineExceeded})),
            "deadline exceeded: hook  at test.flow:1:1: the deadline has passed");
  EXPECT_EQ(run(Throws(42)),
            "internal: hook  at test.flow:1:1: the operator threw something unknown");
  EXPECT_EQ(run([](Batch, RunContext&) -> Result<Batch> { return Batch(); }),
            "internal: hook  at test.flow:1:1: the operator gave no batch");
}

TEST(EngineTest, TheFirstErrorWinsAndNothingRunsAfterIt) {
  auto engine = MakeEngine();
  std::atomic<int> runs = 0;
  FlowBuilder builder;
  const Port bad = builder.Then(kInput, Fails("first"));
  builder.Merge({builder.Then(bad, Counts(runs), true), builder.Then(bad, Fails("second"), true)});
  const FlowHandle flow = Deploy(*engine, builder);
  for (int i = 0; i < 50; ++i) {
    EXPECT_THAT(TextOf(engine->Submit(*flow, Rows({1})).get()), HasSubstr("first"));
  }
  EXPECT_EQ(runs, 0);
}

TEST(EngineTest, EveryRequestEndsExactlyOnce) {
  constexpr int kRequests = 10'000;
  auto engine = MakeEngine(4);
  auto cancel_some = std::make_shared<CancelToken>();
  FlowBuilder builder;
  const Hook trouble = [&](Batch batch, RunContext& context) -> Result<Batch> {
    switch (RowsOf(batch).at(0) % 7) {
      case 0: return Error{.code = ErrorCode::kFailed, .message = "fails"};
      case 1: throw std::runtime_error("throws");
      case 2: throw "something";
      case 3: const_cast<CancelToken&>(context.cancel).Cancel(); return batch;
      default: return batch;
    }
  };
  const Port top = builder.Then(kInput, Pass());
  const Port left = builder.Then(top, trouble, true);
  const Port right = builder.Then(builder.Then(top, Pass()), trouble, true);
  const Port middle = builder.Then(top, Pass(), true);
  builder.Then(builder.Merge({left, right, middle}), Pass());
  const FlowHandle flow = Deploy(*engine, builder);

  std::vector<std::atomic<int>> ends(kRequests);
  std::atomic<int> num_ok = 0;
  std::atomic<int> num_over = 0;
  for (int i = 0; i < kRequests; ++i) {
    engine->Submit(*flow, Rows({i}), {.deadline = {}, .cancel = i % 2 ? cancel_some : nullptr},
                   [&, i](Result<Batch> result) {
                     ++ends[static_cast<size_t>(i)];
                     if (result) ++num_ok;
                     EXPECT_FALSE(result.ok() && i % 7 <= 3) << i;
                     ++num_over;
                     num_over.notify_one();
                   });
    if (i == kRequests / 2) cancel_some->Cancel();
  }
  for (int over = 0; over < kRequests; over = num_over) num_over.wait(over);
  for (int i = 0; i < kRequests; ++i) ASSERT_EQ(ends[static_cast<size_t>(i)], 1) << i;
  EXPECT_GE(num_ok, kRequests / 2 / 7 * 3);
  engine.reset();
  for (int i = 0; i < kRequests; ++i) ASSERT_EQ(ends[static_cast<size_t>(i)], 1) << i;
}

TEST(EngineTest, CancellationTakesEffectBetweenStagesAndBetweenSteps) {
  auto engine = MakeEngine();
  for (const bool is_fused : {false, true}) {
    auto cancel = std::make_shared<CancelToken>();
    std::atomic<int> runs = 0;
    FlowBuilder builder;
    const Hook cancels = [&](Batch batch, RunContext& context) -> Result<Batch> {
      cancel->Cancel();
      EXPECT_EQ(context.cancel.Check(), ErrorCode::kCancelled);
      return batch;
    };
    if (is_fused) {
      builder.Fused(kInput, {cancels, Counts(runs)});
    } else {
      builder.Then(builder.Then(kInput, cancels), Counts(runs));
    }
    const Result<Batch> result =
        engine->Run(*Deploy(*engine, builder), Rows({1}), {.deadline = {}, .cancel = cancel});
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code, ErrorCode::kCancelled);
    EXPECT_THAT(result.error().stage, HasSubstr("at test.flow:1:1"));
    EXPECT_EQ(runs, 0);
  }
}

TEST(EngineTest, DeadlinesAreThoseOfTheClock) {
  FakeClock clock;
  auto engine = MakeEngine(1, &clock);
  std::atomic<int> runs = 0;
  FlowBuilder builder;
  const Port slow = builder.Then(kInput, [&](Batch batch, RunContext&) -> Result<Batch> {
    clock.Advance(10ms);
    return batch;
  });
  builder.Then(slow, Counts(runs));
  const FlowHandle flow = Deploy(*engine, builder);
  EXPECT_EQ(TextOf(engine->Run(*flow, Rows({1}), {.deadline = clock.Now() + 11ms, .cancel = {}})),
            "1");
  EXPECT_EQ(runs, 1);
  EXPECT_THAT(TextOf(engine->Run(*flow, Rows({1}), {.deadline = clock.Now() + 10ms, .cancel = {}})),
              HasSubstr("deadline exceeded: hook"));
  EXPECT_EQ(runs, 1);
  const TimePoint before = clock.Now();
  EXPECT_THAT(TextOf(engine->Run(*flow, Rows({1}), {.deadline = clock.Now() - 1ms, .cancel = {}})),
              HasSubstr("the deadline has passed"));
  EXPECT_EQ(clock.Now(), before) << "nothing ran";
}

TEST(EngineTest, SaysWhatIsWrongWithAnInput) {
  auto engine = MakeEngine();
  FlowBuilder builder("cascade");
  builder.Then(kInput, Add(1));
  const FlowHandle flow = Deploy(*engine, builder);
  const auto with = [](std::vector<Field> fields, std::vector<Column> columns) {
    const int64_t num_rows = columns.empty() ? 0 : columns[0].num_rows();
    return Batch(std::make_shared<const Schema>(std::move(fields)), std::move(columns), num_rows);
  };
  const Column two(at::tensor({1, 2}, at::kLong));
  const Column floats(at::tensor({1., 2.}, at::kFloat));
  const Type i64{.dtype = DataType::kI64, .shape = {}};
  const Type f32{.dtype = DataType::kF32, .shape = {}};
  EXPECT_EQ(TextOf(engine->Run(*flow, with({{"y", i64}}, {two}))),
            "invalid argument: `cascade` takes (x: i64): the table has no column `x`");
  EXPECT_EQ(TextOf(engine->Run(*flow, with({{"y", i64}, {"x", i64}}, {two, two}))),
            "invalid argument: `cascade` takes (x: i64): no column `y` is expected");
  EXPECT_THAT(TextOf(engine->Submit(*flow, with({{"x", f32}}, {floats})).get()),
              HasSubstr("invalid argument: `cascade` takes (x: i64): "));
  EXPECT_EQ(TextOf(engine->Run(*flow, Batch())),
            "invalid argument: `cascade` takes (x: i64): there is no table");
  EXPECT_EQ(TextOf(engine->Run(*flow, with({{"x", i64}}, {two}))), "2 3");
}

TEST(EngineTest, TheResultHasTheNamesOfTheSignature) {
  auto engine = MakeEngine();
  FlowBuilder builder;
  builder.Then(kInput, Add(1));
  PhysicalPlan plan = builder.Build();
  plan.results.front().columns = {{"answer", "x"}, {"again", "x"}};
  Result<FlowHandle> flow = engine->Deploy(plan, ".");
  ASSERT_TRUE(flow.ok()) << flow.error().Text();
  EXPECT_EQ(ToString(*(*flow)->result_schema()), "(answer: i64, again: i64)");
  const Result<Batch> result = engine->Run(**flow, Rows({1, 2}));
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(ToString(*result->schema()), "(answer: i64, again: i64)");
  EXPECT_EQ(TextOf(result), "2 3");
}

TEST(EngineTest, ABatchIsFreeWhenItsLastReaderHasIt) {
  auto engine = MakeEngine();
  const auto uses_of = [](const Batch& batch) { return batch.column(0).dense().use_count(); };
  std::atomic<size_t> uses = 0;
  FlowBuilder builder;
  const Hook notes = [&](Batch batch, RunContext&) -> Result<Batch> {
    uses = uses_of(batch);
    return batch;
  };
  const Port made = builder.Then(kInput, Add(1));
  builder.Then(made, notes);
  const FlowHandle flow = Deploy(*engine, builder);
  ASSERT_TRUE(engine->Run(*flow, Rows({1})).ok());
  EXPECT_EQ(uses, 1u);
}

TEST(EngineTest, RefusesWhatItCannotRun) {
  auto engine = MakeEngine();
  FlowBuilder builder;
  builder.Then(kInput, Pass());
  PhysicalPlan unknown = builder.Build();
  unknown.stages[0].steps[0].op = "warp";
  Result<FlowHandle> flow = engine->Deploy(unknown, ".");
  ASSERT_FALSE(flow.ok());
  EXPECT_EQ(flow.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(flow.error().Text(), HasSubstr("this engine has no operator `warp`"));

  PhysicalPlan invalid = builder.Build();
  invalid.stages[0].inputs[0] = {5, 0};
  flow = engine->Deploy(invalid, ".");
  ASSERT_FALSE(flow.ok());
  EXPECT_EQ(flow.error().code, ErrorCode::kInvalidArgument);

  PhysicalPlan misfit = builder.Build();
  misfit.stages[0].inputs.push_back({-1, 0});
  flow = engine->Deploy(misfit, ".");
  ASSERT_FALSE(flow.ok());
  EXPECT_THAT(flow.error().Text(), HasSubstr("does not take 2 inputs to 1 outputs"));
}

TEST(EngineTest, StartsAndStopsAHundredTimes) {
  for (int i = 0; i < 100; ++i) {
    std::atomic<int> ends = 0;
    auto engine = MakeEngine(1 + i % 3);
    FlowBuilder builder;
    const Port a = builder.Then(kInput, Add(1), true);
    const Port b = builder.Then(kInput, Add(2), true);
    builder.Merge({a, b});
    const FlowHandle flow = Deploy(*engine, builder);
    for (int r = 0; r < 20; ++r) {
      engine->Submit(*flow, Rows({r}), {}, [&](Result<Batch> result) {
        EXPECT_TRUE(result.ok());
        ++ends;
      });
    }
    if (i % 2 == 0) {
      EXPECT_EQ(TextOf(engine->Run(*flow, Rows({1}))), "2 3");
    }
    engine.reset();  // waits
    EXPECT_EQ(ends, 20);
  }
}

TEST(EngineTest, SeveralEnginesAndCallersAtOnce) {
  FlowBuilder builder;
  const Port a = builder.Then(kInput, Add(1), true);
  const Port b = builder.Then(kInput, Add(2), true);
  builder.Merge({a, b});
  const PhysicalPlan plan = builder.Build();
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t, &plan] {
      auto engine = MakeEngine(1 + t);
      Result<FlowHandle> deployed = engine->Deploy(plan, ".");
      ASSERT_TRUE(deployed.ok());
      const FlowHandle flow = *deployed;
      std::vector<std::jthread> callers;
      for (int c = 0; c < 3; ++c) {
        callers.emplace_back([&] {
          for (int i = 0; i < 200; ++i) {
            const std::string sums = std::to_string(i + 1) + " " + std::to_string(i + 2);
            EXPECT_EQ(TextOf(engine->Run(*flow, Rows({i}))), sums);
          }
        });
      }
    });
  }
}

}  // namespace
}  // namespace raceway::engine
