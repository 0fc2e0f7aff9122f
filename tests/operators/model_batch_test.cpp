// Requests that share a model's calls: `batch { … }` and `instances`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "operators/register_all.h"
#include "tests/operators/models.h"

namespace raceway::operators::testing {
namespace {

using engine::Engine;
using engine::ErrorCode;
using engine::FlowHandle;
using engine::HintSpec;
using engine::PhysicalPlan;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

/// Twice `x`, and how many rows were in the call. Some milliseconds, for others to come meanwhile;
/// numbers below zero are more than it takes, 99 makes it endless.
constexpr const char* kModel = R"(
def forward(self, x):
    y = torch.ones(160, 160)
    for i in range(20):
        y = torch.matmul(y, y) * 0.001
    if bool((x == 99.0).any()):
        for i in range(1000000000):
            y = y + 1.
    if bool((x < 0.0).any()):
        assert False, "negative"
    return x * self.weight, torch.zeros_like(x[:, 0]).long() + x.size(0)
)";

class ModelBatchTest : public ModelTest {
 protected:
  ModelBatchTest() { Save(kModel); }

  static HintSpec Hint(std::string name, Value value) {
    return {
        .name = std::move(name), .value = std::move(value), .text = {}, .origin = {}, .where = {}};
  }

  PhysicalPlan Plan(std::vector<HintSpec> hints) {
    StepSpec step = Step({"x"}, {{"y", "f32[2]"}, {"n", "i64"}});
    step.hints = std::move(hints);
    PhysicalPlan plan;
    plan.flow = "f";
    plan.inputs = {{"rows", *S({{"x", "f32[2]"}})}};
    plan.stages = {{.name = "m", .inputs = {{-1, 0}}, .steps = {std::move(step)}}};
    plan.results = {{"", {0, 0}, {{"y", "y"}, {"n", "n"}}}};
    return plan;
  }
  static std::unique_ptr<Engine> MakeEngine(int num_workers = 2) {
    engine::EngineOptions options;
    options.num_workers = num_workers;
    options.may_raise_thread_limit = true;
    RegisterAll(options.factories);
    return std::make_unique<Engine>(std::move(options));
  }
  FlowHandle Deploy(Engine& engine, const PhysicalPlan& plan) {
    Result<FlowHandle> flow = engine.Deploy(plan, folder_.path());
    EXPECT_TRUE(flow.ok()) << flow.error().Text();
    return *flow;
  }
  static Batch Row(double value) {
    return MakeBatch(S({{"x", "f32[2]"}}), {Vectors({{value, value + 1}})});
  }
  static double FirstOf(const Result<Batch>& answer) {
    return answer->column(0).Row(0)[0].item().toDouble();
  }
  static int64_t SizeOf(const Result<Batch>& answer) {
    return answer->column(1).Row(0).item().toLong();
  }
};

TEST_F(ModelBatchTest, RequestsThatWaitRunTogether) {
  const auto engine = MakeEngine();
  const FlowHandle flow = Deploy(*engine, Plan({Hint("batch.max", int64_t{8})}));
  std::vector<std::future<Result<Batch>>> answers;
  for (int i = 0; i < 40; ++i) answers.push_back(engine->Submit(*flow, Row(i)));
  int64_t largest = 0;
  for (int i = 0; i < 40; ++i) {
    const Result<Batch> answer = answers[static_cast<size_t>(i)].get();
    ASSERT_TRUE(answer.ok()) << answer.error().Text();
    EXPECT_EQ(answer->num_rows(), 1);
    EXPECT_EQ(FirstOf(answer), 2.0 * i);
    largest = std::max(largest, SizeOf(answer));
  }
  EXPECT_EQ(largest, 8);
}

TEST_F(ModelBatchTest, AnErrorIsOneOfItsOwnRequest) {
  const auto engine = MakeEngine();
  const FlowHandle flow = Deploy(*engine, Plan({Hint("batch.max", int64_t{16})}));
  std::vector<std::future<Result<Batch>>> answers;
  for (int i = 0; i < 32; ++i) answers.push_back(engine->Submit(*flow, Row(i == 20 ? -5 : i)));
  for (int i = 0; i < 32; ++i) {
    const Result<Batch> answer = answers[static_cast<size_t>(i)].get();
    ASSERT_EQ(answer.ok(), i != 20) << i;
    if (answer) {
      EXPECT_EQ(FirstOf(answer), 2.0 * i);
    } else {
      EXPECT_EQ(answer.error().code, ErrorCode::kFailed);
      EXPECT_THAT(answer.error().Text(), HasSubstr("negative"));
    }
  }
}

TEST_F(ModelBatchTest, AFlowAndItsNextVersionShareCalls) {
  const auto engine = MakeEngine();
  const PhysicalPlan plan = Plan({Hint("batch.max", int64_t{8})});
  const FlowHandle one = Deploy(*engine, plan);
  const FlowHandle other = Deploy(*engine, plan);
  std::vector<std::future<Result<Batch>>> answers;
  for (int i = 0; i < 40; ++i) answers.push_back(engine->Submit(i % 2 ? *one : *other, Row(i)));
  int64_t largest = 0;
  for (auto& answer : answers) largest = std::max(largest, SizeOf(answer.get()));
  EXPECT_GT(largest, 4);
}

TEST_F(ModelBatchTest, ManyRowsOfOneRequestAreCut) {
  const auto engine = MakeEngine();
  const FlowHandle flow = Deploy(*engine, Plan({Hint("batch.max", int64_t{4})}));
  std::vector<std::vector<double>> rows;
  for (int i = 0; i < 10; ++i) rows.push_back({static_cast<double>(i), 0});
  const Result<Batch> answer = engine->Run(*flow, MakeBatch(S({{"x", "f32[2]"}}), {Vectors(rows)}));
  ASSERT_TRUE(answer.ok()) << answer.error().Text();
  for (int64_t row = 0; row < 10; ++row) {
    EXPECT_EQ(answer->column(0).Row(row)[0].item().toDouble(), 2.0 * static_cast<double>(row));
    EXPECT_LE(answer->column(1).Row(row).item().toLong(), 4);
  }
}

TEST_F(ModelBatchTest, WhoWaitsBehindAnEndlessCallEndsAtItsDeadline) {
  const auto engine = MakeEngine();
  const engine::SteadyClock clock;
  const FlowHandle flow = Deploy(*engine, Plan({Hint("batch.max", int64_t{8})}));
  auto endless = std::make_shared<engine::CancelToken>();
  auto stuck = engine->Submit(*flow, Row(99), {.deadline = {}, .cancel = endless});
  std::this_thread::sleep_for(20ms);
  auto late = engine->Submit(*flow, Row(1), {.deadline = clock.Now() + 30ms, .cancel = {}});
  auto patient = engine->Submit(*flow, Row(2));
  ASSERT_EQ(late.wait_for(10s), std::future_status::ready);
  EXPECT_EQ(late.get().error().code, ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(patient.wait_for(0s), std::future_status::timeout);
  endless->Cancel();
  EXPECT_EQ(stuck.get().error().code, ErrorCode::kCancelled);
  EXPECT_EQ(FirstOf(patient.get()), 4.0);
}

TEST_F(ModelBatchTest, WhatCannotBeInTimeIsRefusedAtOnce) {
  const auto engine = MakeEngine();
  const engine::SteadyClock clock;
  const FlowHandle flow = Deploy(*engine, Plan({Hint("batch.max", int64_t{1})}));
  const auto begin = clock.Now();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(engine->Run(*flow, Row(i)).ok());
  const auto call = (clock.Now() - begin) / 5;
  std::vector<std::future<Result<Batch>>> line;
  for (int i = 0; i < 20; ++i) line.push_back(engine->Submit(*flow, Row(i)));
  std::this_thread::sleep_for(1ms);
  const auto asked = clock.Now();
  const Result<Batch> refused =
      engine->Run(*flow, Row(1), {.deadline = asked + 3 * call / 2, .cancel = {}});
  const auto answered = clock.Now();
  // It goes before the others, but not before the one that runs.
  if (!refused.ok()) {
    EXPECT_THAT(refused.error().code,
                ::testing::AnyOf(ErrorCode::kDeadlineUnreachable, ErrorCode::kDeadlineExceeded));
  }
  const Result<Batch> hopeless =
      engine->Run(*flow, Row(1), {.deadline = clock.Now() + call / 4, .cancel = {}});
  EXPECT_EQ(hopeless.error().code, ErrorCode::kDeadlineUnreachable);
  EXPECT_LT(answered - asked, 10 * call);
  for (auto& answer : line) EXPECT_TRUE(answer.get().ok());
}

TEST_F(ModelBatchTest, InABranchItIsTheSame) {
  // Both workers wait in a branch, so none is left to run what they wait for but they themselves.
  PhysicalPlan plan = Plan({Hint("batch.max", int64_t{8})});
  StepSpec guard;
  guard.op = "guard";
  guard.label = "timeout";
  guard.options = {{"timeout", int64_t{20'000'000'000}}};
  guard.outputs = plan.stages[0].steps[0].outputs;
  guard.branches = {{.name = "try", .stages = plan.stages, .output = {0, 0}, .accept = ""}};
  for (const auto& field : guard.outputs[0].fields()) {
    guard.sources.push_back({field.name, {field.name}});
  }
  plan.stages = {{.name = "g", .inputs = {{-1, 0}}, .steps = {guard}}};
  const auto engine = MakeEngine();
  const FlowHandle flow = Deploy(*engine, plan);
  std::vector<std::future<Result<Batch>>> answers;
  for (int i = 0; i < 30; ++i) answers.push_back(engine->Submit(*flow, Row(i)));
  for (int i = 0; i < 30; ++i) {
    const Result<Batch> answer = answers[static_cast<size_t>(i)].get();
    ASSERT_TRUE(answer.ok()) << answer.error().Text();
    EXPECT_EQ(FirstOf(answer), 2.0 * i);
  }
}

TEST_F(ModelBatchTest, AnEngineEndsWithCallsInLine) {
  for (int round = 0; round < 20; ++round) {
    std::vector<std::future<Result<Batch>>> answers;
    {
      const auto engine = MakeEngine();
      const FlowHandle flow =
          Deploy(*engine, Plan({Hint("batch.max", int64_t{4}), Hint("batch.wait", int64_t{1000})}));
      for (int i = 0; i < 10; ++i) answers.push_back(engine->Submit(*flow, Row(i)));
    }
    for (auto& answer : answers) EXPECT_TRUE(answer.get().ok());
  }
}

TEST_F(ModelBatchTest, HintsThatNoCompilerWritesAreRefused) {
  const auto error = [&](HintSpec hint) {
    const auto engine = MakeEngine();
    const Result<FlowHandle> flow = engine->Deploy(Plan({std::move(hint)}), folder_.path());
    return flow.ok() ? "" : std::string(NameOf(flow.error().code)) + ": " + flow.error().message;
  };
  EXPECT_EQ(error(Hint("batch.max", int64_t{0})),
            "invalid argument: model small: the hint `batch.max` cannot be 0");
  EXPECT_EQ(error(Hint("batch.adaptive", int64_t{1})),
            "invalid argument: model small: the hint `batch.adaptive` cannot be 1");
  EXPECT_EQ(error(Hint("batch.wait", "long")),
            "invalid argument: model small: the hint `batch.wait` cannot be \"long\"");
}

}  // namespace
}  // namespace raceway::operators::testing
