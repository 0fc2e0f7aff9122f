#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "engine/plan/physical_plan.h"
#include "tests/engine/plans.h"

namespace raceway::engine {
namespace {

using testing::CascadePlan;
using testing::SchemaOf;
using testing::TypeOf;

// What `Validate` says of the cascade after `spoil`.
std::string After(const std::function<void(PhysicalPlan&)>& spoil) {
  PhysicalPlan plan = CascadePlan();
  spoil(plan);
  const Status status = Validate(plan);
  if (status) return "fine";
  EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
  const std::string prefix = "bad plan `cascade`: ";
  EXPECT_TRUE(status.error().message.starts_with(prefix)) << status.error().message;
  return status.error().message.substr(prefix.size());
}

TEST(ValidateTest, AcceptsAPlan) {
  EXPECT_EQ(After([](PhysicalPlan&) {}), "fine");
}

TEST(ValidateTest, PortsComeBeforeTheirReaders) {
  const auto with = [](Port port) {
    return After([port](PhysicalPlan& plan) { plan.stages[1].inputs = {port}; });
  };
  const std::string reads = "stage 1 `again` reads output ";
  EXPECT_EQ(with({1, 0}), reads + "0 of stage 1, which does not exist before it");
  EXPECT_EQ(with({0, 2}), reads + "2 of stage 0, which does not exist before it");
  EXPECT_EQ(with({0, -1}), reads + "-1 of stage 0, which does not exist before it");
  EXPECT_EQ(with({-2, 0}), reads + "0 of stage -2, which does not exist before it");
  EXPECT_EQ(with({-1, 1}), reads + "1 of stage -1, which does not exist before it");
  EXPECT_EQ(After([](PhysicalPlan& plan) { plan.stages[1].inputs.clear(); }),
            "stage 1 `again` has no inputs");
}

TEST(ValidateTest, StagesHaveStepsAndNamesOfTheirOwn) {
  EXPECT_EQ(After([](PhysicalPlan& plan) { plan.stages[1].steps.clear(); }),
            "stage 1 `again` has no steps");
  EXPECT_EQ(After([](PhysicalPlan& plan) { plan.stages[1].name = "look"; }),
            "stage 1 `look`: the name is empty or not its own");
  EXPECT_EQ(After([](PhysicalPlan& plan) { plan.stages[0].steps[0].op.clear(); }),
            "stage 0 `look`, step 0 `map(decode)` has no operator");
  EXPECT_EQ(After([](PhysicalPlan& plan) { plan.stages[0].steps[0].outputs.clear(); }),
            "stage 0 `look`, step 0 `map(decode)` has no outputs");
  EXPECT_EQ(After([](PhysicalPlan& plan) { plan.stages.clear(); }), "has no stages");
  EXPECT_EQ(After([](PhysicalPlan& plan) { plan.inputs.clear(); }), "has no input");
}

TEST(ValidateTest, OnlyTheLastStepSplits) {
  EXPECT_EQ(After([](PhysicalPlan& plan) {
              std::swap(plan.stages[0].steps[2], plan.stages[0].steps[3]);
            }),
            "stage 0 `look`, step 2 `split` has several outputs and is not the last");
}

TEST(ValidateTest, ColumnsAreThere) {
  EXPECT_EQ(After([](PhysicalPlan& plan) { plan.stages[0].steps[0].arguments[0].second = "img"; }),
            "stage 0 `look`, step 0 `map(decode)` reads `img`, which is not there");
  EXPECT_EQ(After([](PhysicalPlan& plan) {
              plan.stages[0].steps[3].expressions[0].expression.args[0].name = "cnf";
            }),
            "stage 0 `look`, step 3 `split` reads `cnf`, which is not there");
  EXPECT_EQ(After([](PhysicalPlan& plan) {
              plan.stages[0].steps[3].expressions[0].expression.args[0].type = TypeOf("f64");
            }),
            "stage 0 `look`, step 3 `split` reads `conf` as f64, which is f32");
  EXPECT_EQ(After([](PhysicalPlan& plan) {
              plan.stages[0].steps[3].outputs[0] = SchemaOf({{"id", "i64"}, {"where", "bool"}});
            }),
            "stage 0 `look`, step 3 `split` hands on `where`, which neither it nor its input has");
  EXPECT_EQ(After([](PhysicalPlan& plan) {
              plan.stages[0].steps[3].outputs[0] = SchemaOf({{"id", "i64"}, {"image", "bytes"}});
            }),
            "stage 0 `look`, step 3 `split` hands on `image`, which neither it nor its input has");
}

TEST(ValidateTest, SourcesAreThereForEachInput) {
  EXPECT_EQ(After([](PhysicalPlan& plan) { plan.stages[2].steps[0].sources[1].second = {"conf"}; }),
            "stage 2 `merge`, step 0 `union`: `conf.3` wants a source in each of 2 inputs");
  EXPECT_EQ(After([](PhysicalPlan& plan) {
              plan.stages[2].steps[0].sources[1].second = {"conf", "conf"};
            }),
            "stage 2 `merge`, step 0 `union` reads `conf`, which input 1 does not have");
  EXPECT_EQ(After([](PhysicalPlan& plan) {
              plan.stages[2].steps[0].sources[1].second = {"conf", "id"};
            }),
            "stage 2 `merge`, step 0 `union`: `conf.3` is f32, its source `id` is i64");
}

TEST(ValidateTest, OneNameIsOneThing) {
  EXPECT_EQ(After([](PhysicalPlan& plan) {
              plan.stages[1].steps[0].outputs[0] = SchemaOf({{"id", "i32"}, {"conf.2", "f32"}});
            }),
            "stage 1 `again`, step 0 `map(big)`: `id` is i32, elsewhere i64");
  EXPECT_EQ(After([](PhysicalPlan& plan) {
              plan.inputs[0].schema = SchemaOf({{"id", "i64"}, {"image", "bytes"}, {"id", "i64"}});
            }),
            "input `photos` has `id` twice");
  EXPECT_EQ(After([](PhysicalPlan& plan) {
              plan.stages[0].steps[2].expressions.push_back(plan.stages[0].steps[2].expressions[0]);
            }),
            "stage 0 `look`, step 2 `derive` defines `conf` twice");
}

TEST(ValidateTest, WhatNobodyReadsIsAResultThatNobodyGets) {
  const auto with = [](const std::string& column, const std::string& type) {
    return After([&](PhysicalPlan& plan) {
      plan.stages[1].steps[0].results.emplace_back("z", "big.z");
      plan.stages[1].steps[0].unread = SchemaOf({{column, type}});
    });
  };
  const std::string where = "stage 1 `again`, step 0 `map(big)`";
  EXPECT_EQ(with("big.z", "f32[N]"), "fine");
  EXPECT_EQ(with("z", "f32"), where + " leaves `z` unread, which is no result of it");
  EXPECT_EQ(with("conf.2", "f32"), where + " hands on `conf.2`, which it says nobody reads");
  EXPECT_EQ(with("id", "f64"), where + ": `id` is f64, elsewhere i64");
}

TEST(ValidateTest, EverythingLeadsToTheOutput) {
  EXPECT_EQ(After([](PhysicalPlan& plan) {
              plan.stages[2].inputs = {{0, 0}, {0, 0}};
              plan.stages[2].steps[0].sources[1].second = {"conf", "conf"};
            }),
            "stage `again` leads nowhere");
  EXPECT_EQ(After([](PhysicalPlan& plan) {
              plan.results[0].output = {-1, 0};
            }),
            "its output is no stage's");
  EXPECT_EQ(After([](PhysicalPlan& plan) {
              plan.results[0].output = {3, 0};
            }),
            "its output is no stage's");
  EXPECT_EQ(After([](PhysicalPlan& plan) { plan.results[0].columns.clear(); }),
            "its result has no columns");
  EXPECT_EQ(After([](PhysicalPlan& plan) { plan.results[0].columns[0].second = "conf"; }),
            "its result wants `conf`, which its output does not have");
  EXPECT_EQ(After([](PhysicalPlan& plan) { plan.results[0].columns[0].first = "conf"; }),
            "its result has `conf` twice");
}

TEST(ValidateTest, NestingHasALimit) {
  EXPECT_EQ(After([](PhysicalPlan& plan) {
              Expression& expression = plan.stages[0].steps[3].expressions[0].expression;
              for (int i = 0; i < 10'000; ++i) {
                Expression outer = Expression::Call("not", {}, TypeOf("bool"));
                outer.args.push_back(std::move(expression));
                expression = std::move(outer);
              }
            }),
            "stage 0 `look`, step 3 `split`: an expression is nested too deeply");
}

}  // namespace
}  // namespace raceway::engine
