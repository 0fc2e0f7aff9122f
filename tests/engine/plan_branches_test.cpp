// Steps with branches in a plan: checked, printed, written and read back.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>

#include "engine/plan/physical_plan.h"
#include "tests/engine/plans.h"

namespace raceway::engine {
namespace {

using testing::CascadePlan;
using testing::SchemaOf;

BranchSpec BranchWith(const std::string& name, StepSpec step, const std::string& column) {
  step.label = "map(" + name + ")";
  step.results = {{"y", column}};
  step.outputs = {SchemaOf({{"id", "i64"}, {column, "f32"}})};
  StageSpec stage;
  stage.name = name;
  stage.inputs = {{-1, 0}};
  stage.steps = {std::move(step)};
  return {name, {std::move(stage)}, {0, 0}, ""};
}

/// The cascade with a substitute for its big model.
PhysicalPlan GuardedPlan() {
  PhysicalPlan plan = CascadePlan();
  StepSpec& step = plan.stages[1].steps[0];
  const StepSpec big = step;
  step = StepSpec();
  step.op = "guard";
  step.label = "map(big) rescue map(cheap)";
  step.origin = big.origin;
  step.options = {{"each_row", true}, {"timeout", int64_t{900'000'000}}};
  step.branches = {BranchWith("try", big, "conf.5"), BranchWith("rescue", big, "conf.4")};
  step.sources = {{"conf.2", {"conf.5", "conf.4"}}};
  step.outputs = big.outputs;
  return plan;
}

StepSpec& GuardOf(PhysicalPlan& plan) { return plan.stages[1].steps[0]; }

std::string After(const std::function<void(PhysicalPlan&)>& spoil) {
  PhysicalPlan plan = GuardedPlan();
  spoil(plan);
  const Status status = Validate(plan);
  const std::string prefix =
      "bad plan `cascade`: stage 1 `again`, step 0 `map(big) rescue map(cheap)`";
  if (status) return "fine";
  EXPECT_TRUE(status.error().message.starts_with(prefix)) << status.error().message;
  return status.error().message.substr(prefix.size());
}

TEST(BranchesTest, AreReadBackAsTheyWere) {
  const PhysicalPlan plan = GuardedPlan();
  const Result<PhysicalPlan> read = PlanFromJson(ToJson(plan));
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(*read, plan);
  EXPECT_EQ(ToJson(*read), ToJson(plan));
}

TEST(BranchesTest, AreShownInsideOfTheirStep) {
  const std::string text = ToString(GuardedPlan());
  const std::string expected = R"(
    conf.2 from conf.5 | conf.4
    branch try
      stage try on cpu
        reads the rows of this step
        map(try)
)";
  EXPECT_NE(text.find(expected.substr(1)), std::string::npos) << text;
}

TEST(BranchesTest, AreCheckedLikeAPlan) {
  EXPECT_EQ(After([](PhysicalPlan&) {}), "fine");
  EXPECT_EQ(After([](PhysicalPlan& plan) { GuardOf(plan).branches[1].stages[0].name = "try"; }),
            ", branch `rescue`, stage 0 `try`: the name is empty or not its own");
  EXPECT_EQ(After([](PhysicalPlan& plan) {
              GuardOf(plan).branches[1].stages[0].inputs = {{0, 0}};
            }),
            ", branch `rescue`, stage 0 `rescue` reads output 0 of stage 0, which does not exist "
            "before it");
  EXPECT_EQ(After([](PhysicalPlan& plan) {
              GuardOf(plan).branches[0].output = {1, 0};
            }),
            ": the output of branch `try` does not exist");
  EXPECT_EQ(After([](PhysicalPlan& plan) { GuardOf(plan).sources[0].second[1] = "conf.5"; }),
            " reads `conf.5`, which branch `rescue` does not have");
  EXPECT_EQ(After([](PhysicalPlan& plan) { GuardOf(plan).sources.clear(); }),
            " hands on `conf.2`, which neither it nor its input has");
}

TEST(BranchesTest, StandInStepsThatKnowWhatToDoWithThem) {
  EXPECT_EQ(After([](PhysicalPlan& plan) { GuardOf(plan).op = "model"; }),
            ": `model` has no branches");
  EXPECT_EQ(After([](PhysicalPlan& plan) { GuardOf(plan).branches[1].name = "try"; }),
            ": a branch's name is empty or not its own");
  EXPECT_EQ(After([](PhysicalPlan& plan) { GuardOf(plan).branches[1].name = "else"; }),
            ": only the last of several branches of anyof is `else`");
  EXPECT_EQ(After([](PhysicalPlan& plan) { GuardOf(plan).branches[1].accept = "conf.4"; }),
            ": this branch accepts nothing");
  EXPECT_EQ(After([](PhysicalPlan& plan) { GuardOf(plan).options[1].second = 0.5; }),
            ": `timeout` is no number of nanoseconds");
  EXPECT_EQ(After([](PhysicalPlan& plan) { GuardOf(plan).options[0].first = "each"; }),
            ": unknown option");
  EXPECT_EQ(After([](PhysicalPlan& plan) {
              GuardOf(plan).op = "anyof";
              GuardOf(plan).options.clear();
              GuardOf(plan).branches[0].accept = "conf.5";
            }),
            ": branch `try` has no bool `conf.5`");
}

TEST(BranchesTest, NestOnlySoDeep) {
  const auto nested = [](int depth) {
    PhysicalPlan plan = GuardedPlan();
    const StepSpec guard = GuardOf(plan);
    StepSpec inner = guard;
    for (int i = 1; i < depth; ++i) {
      StepSpec outer = guard;
      StageSpec& stage = outer.branches[0].stages[0];
      stage.steps = {std::move(inner)};
      stage.name = "try " + std::to_string(i);
      outer.branches.pop_back();
      outer.sources.clear();
      inner = std::move(outer);
    }
    GuardOf(plan) = std::move(inner);
    return Validate(plan);
  };
  EXPECT_TRUE(nested(kMaxBranchDepth).ok()) << nested(kMaxBranchDepth).error().message;
  EXPECT_FALSE(nested(kMaxBranchDepth + 1).ok());
}

}  // namespace
}  // namespace raceway::engine
