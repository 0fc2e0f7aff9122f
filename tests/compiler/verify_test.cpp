#include "compiler/plan/verify.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "compiler/plan/explain.h"
#include "tests/compiler/compiling.h"

namespace raceway::compiler {
namespace {

using engine::DataType;
using engine::Expression;
using engine::Type;

constexpr char kFlow[] = R"(
edition 1
flow f(rows: { id: i64, x: i64 }) -> { id: i64, y: i64 } {
  let (low, high) = rows |> derive(y = x + 1) |> split(y < 3)
  return union(low |> derive(y = y * 2), high |> derive(y = y * 3))
}
)";

/// derive, split, split.else, derive.2, derive.3, union
class VerifyTest : public ::testing::Test {
 protected:
  LogicalPlan plan_ = testing::PlanOf(kFlow, "f");

  Stage& StageNamed(const std::string& name) {
    const auto found = std::find_if(plan_.stages.begin(), plan_.stages.end(),
                                    [&](const Stage& stage) { return stage.name == name; });
    if (found == plan_.stages.end()) throw std::out_of_range(name + "\n" + Explain(plan_));
    return *found;
  }
  Step& StepOf(const std::string& stage) { return StageNamed(stage).steps.front(); }
  std::string Problem() const { return Verify(plan_).value_or("none"); }
};

TEST_F(VerifyTest, FindsNothingInAPlanThatIsRight) { EXPECT_EQ(Problem(), "none"); }

TEST_F(VerifyTest, FindsAColumnDefinedTwice) {
  StepOf("derive.2").expressions.front().name = "y";
  EXPECT_EQ(Problem(), "stage derive.2: derive: defines y a second time");
}

TEST_F(VerifyTest, FindsAnInputColumnDefinedTwice) {
  plan_.inputs.front().columns.emplace_back("id");
  EXPECT_EQ(Problem(), "defines id a second time");
}

TEST_F(VerifyTest, FindsAColumnWithoutAType) {
  plan_.columns.erase("y");
  EXPECT_EQ(Problem(), "stage derive: derive: y has no type");
}

TEST_F(VerifyTest, FindsAnInputColumnWithoutAType) {
  plan_.columns.erase("x");
  EXPECT_EQ(Problem(), "x has no type");
}

TEST_F(VerifyTest, FindsAStageWithoutAStep) {
  StageNamed("derive").steps.clear();
  EXPECT_EQ(Problem(), "stage derive: has no step");
}

TEST_F(VerifyTest, FindsAStageWithoutAnInput) {
  StageNamed("derive").inputs.clear();
  EXPECT_EQ(Problem(), "stage derive: has no input");
}

TEST_F(VerifyTest, FindsANameUsedTwice) {
  StageNamed("derive.2").name = "derive";
  EXPECT_EQ(Problem(), "stage derive: name used twice");
}

TEST_F(VerifyTest, FindsAStageThatReadsALaterOne) {
  StageNamed("derive").inputs = {{5, 0}};
  EXPECT_EQ(Problem(), "stage derive: reads a stage that is not before it");
}

TEST_F(VerifyTest, FindsAStageThatReadsItself) {
  StageNamed("derive").inputs = {{0, 0}};
  EXPECT_EQ(Problem(), "stage derive: reads a stage that is not before it");
}

TEST_F(VerifyTest, FindsAnOutputThatIsNotThere) {
  StageNamed("split").inputs = {{0, 1}};
  EXPECT_EQ(Problem(), "stage split: reads a stage that is not before it");
  StageNamed("split").inputs = {{0, -1}};
  EXPECT_EQ(Problem(), "stage split: reads a stage that is not before it");
}

TEST_F(VerifyTest, FindsASecondInputOfTheFlow) {
  StageNamed("derive").inputs = {{-1, 1}};
  EXPECT_EQ(Problem(), "stage derive: reads a stage that is not before it");
}

TEST_F(VerifyTest, FindsTwoInputsWhereRowsDoNotMeet) {
  StageNamed("split").inputs = {{0, 0}, {-1, 0}};
  EXPECT_EQ(Problem(), "stage split: wrong number of inputs");
}

TEST_F(VerifyTest, FindsAUnionOfOne) {
  StageNamed("union").inputs.pop_back();
  EXPECT_EQ(Problem(), "stage union: wrong number of inputs");
}

TEST_F(VerifyTest, FindsASplitWithOneHalf) {
  StepOf("split").kind = StepKind::kSplit;
  EXPECT_EQ(Problem(), "stage split: wrong number of outputs");
}

TEST_F(VerifyTest, FindsAStepBehindASplit) {
  Stage& split = StageNamed("split");
  split.steps.front().kind = StepKind::kSplit;
  split.steps.front().outputs.push_back(split.steps.front().outputs.front());
  split.steps.push_back(split.steps.front());
  EXPECT_EQ(Problem(), "stage split: wrong number of outputs");
}

TEST_F(VerifyTest, FindsAColumnReadThatNeverCame) {
  StepOf("derive").expressions.front().expression =
      Expression::Column("z", Type{DataType::kI64, {}, false});
  EXPECT_EQ(Problem(), "stage derive: derive: reads z, which its input lacks");
}

TEST_F(VerifyTest, FindsAConditionOnAColumnThatNeverCame) {
  auto& outputs = StepOf("derive").outputs.front();
  std::erase(outputs, "y");
  EXPECT_EQ(Problem(), "stage split: split: reads y, which its input lacks");
}

TEST_F(VerifyTest, FindsAColumnThatLeavesTwice) {
  StepOf("split").outputs.front().push_back("id");
  EXPECT_EQ(Problem(), "stage split: split: a column leaves twice");
}

TEST_F(VerifyTest, FindsAColumnThatLeavesButNeverCame) {
  StepOf("split").outputs.front().push_back("y.2");
  EXPECT_EQ(Problem(), "stage split: split: y.2 leaves but never came");
}

TEST_F(VerifyTest, FindsAUnionColumnThatOnlyOneInputHas) {
  StepOf("union").outputs.front().push_back("y.2");
  EXPECT_EQ(Problem(), "stage union: union: y.2 leaves but never came");
}

TEST_F(VerifyTest, FindsAUnionThatLacksASource) {
  StepOf("union").sources.front().second.pop_back();
  EXPECT_EQ(Problem(), "stage union: union: y.4 lacks a source");
}

TEST_F(VerifyTest, FindsAUnionOfColumnsInTheWrongOrder) {
  auto& from = StepOf("union").sources.front().second;
  std::swap(from[0], from[1]);
  EXPECT_EQ(Problem(), "stage union: union: reads y.3, which its input lacks");
}

TEST_F(VerifyTest, FindsAResultOfNoStage) {
  plan_.results.front().output = {6, 0};
  EXPECT_EQ(Problem(), "the result is no stage's output");
  plan_.results.front().output = {5, 1};
  EXPECT_EQ(Problem(), "the result is no stage's output");
}

TEST_F(VerifyTest, FindsAStageNobodyReads) {
  plan_.results.front().output = {4, 0};
  plan_.results.front().columns = {{"id", "id"}};
  EXPECT_EQ(Problem(), "nobody reads stage union");
}

TEST_F(VerifyTest, FindsAResultThatIsLost) {
  plan_.results.front().columns.emplace_back("lost", "y.2");
  EXPECT_EQ(Problem(), "result column y.2 is lost");
}

}  // namespace
}  // namespace raceway::compiler
