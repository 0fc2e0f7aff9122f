#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "compiler/plan/explain.h"
#include "compiler/plan/verify.h"
#include "compiler/rewrite/constant_folding.h"
#include "compiler/rewrite/dead_columns.h"
#include "compiler/rewrite/exclusive_branches.h"
#include "compiler/rewrite/exclusive_routes.h"
#include "compiler/rewrite/filter_push_down.h"
#include "compiler/rewrite/fuse_chains.h"
#include "compiler/rewrite/merge_branches.h"
#include "compiler/rewrite/narrow_copies.h"
#include "compiler/rewrite/optimize.h"
#include "compiler/rewrite/shared_subflows.h"
#include "tests/compiler/compiling.h"
#include "tests/support/golden.h"

namespace raceway::compiler {
namespace {

TEST(PassTest, HasAGoldenPlanWithoutItEach) {
  for (const Pass& pass : AllPasses()) {
    const std::string section = "optimized --without " + std::string(pass.name);
    EXPECT_FALSE(tests::GoldenFiles("tests/flows/plans", section).empty()) << section;
  }
}

TEST(OptimizeTest, DoesNothingWithoutItsPasses) {
  const LogicalPlan plan = testing::PlanOf(R"(
edition 1
flow f(t: { x: i64 }) -> { y: i64 } {
  let (a, b) = t |> derive(y = x + 1, z = x) |> split(x > 3)
  return union(a, b)
}
)",
                                           "f");
  std::vector<std::string> without;
  for (const Pass& pass : AllPasses()) without.emplace_back(pass.name);
  EXPECT_EQ(Explain(Optimize(plan, without)), Explain(plan));
}

// Each rewrite is done with a plan that it made.
TEST(OptimizeTest, IsDoneAfterOnce) {
  for (const std::string& file : tests::GoldenFiles("tests/flows/plans", "optimized")) {
    std::string text = tests::GoldenFlow(file);
    const dsl::ParseResult parsed = dsl::Parse(dsl::Source(file, text));
    for (const dsl::ast::Item& item : parsed.file.items) {
      const auto* flow = std::get_if<dsl::ast::FlowDecl>(&item);
      if (flow == nullptr) continue;
      const testing::Compiled compiled =
          testing::Compile(text, {.flow = flow->name.text, .params = {}, .without = {}});
      if (!compiled.result.optimized) continue;  // takes `...` or several tables
      const LogicalPlan& once = *compiled.result.optimized;
      EXPECT_EQ(Explain(DeadColumns(once)), Explain(once)) << file;
      EXPECT_EQ(Explain(ExclusiveBranches(once)), Explain(once)) << file;
      EXPECT_EQ(Explain(FuseChains(once)), Explain(once)) << file;
      EXPECT_EQ(Explain(ConstantFolding(once)), Explain(once)) << file;
      EXPECT_EQ(Explain(SharedSubflows(once)), Explain(once)) << file;
      EXPECT_EQ(Explain(FilterPushDown(once)), Explain(once)) << file;
      EXPECT_EQ(Explain(MergeBranches(once)), Explain(once)) << file;
      EXPECT_EQ(Explain(ExclusiveRoutes(once)), Explain(once)) << file;
      EXPECT_EQ(Explain(NarrowCopies(once)), Explain(once)) << file;
    }
  }
}

TEST(OptimizeDeathTest, EndsWithTheCulpritsName) {
  LogicalPlan plan = testing::PlanOf(
      "edition 1\nflow f(t: { x: i64 }) -> { x: i64 } { return t |> filter(x > 1) }\n", "f");
  plan.results.front().output = {7, 0};
  EXPECT_DEATH(Optimize(plan), "internal error: the plan is broken after check: the result is no");
}

// --- exclusive branches ---

TEST(ExclusiveBranchesTest, LeavesOtherConditionsAlone) {
  const LogicalPlan plan = testing::PlanOf(R"(
edition 1
flow f(t: { x: i64 }) -> { x: i64 } {
  return union(t |> filter(x > 1), t |> filter(not (x > 2)))
}
)",
                                           "f");
  EXPECT_EQ(Explain(ExclusiveBranches(plan)), Explain(plan));
}

TEST(ExclusiveBranchesTest, LeavesFiltersOfDifferentTablesAlone) {
  const LogicalPlan plan = testing::PlanOf(R"(
edition 1
flow f(t: { x: i64 }) -> { x: i64 } {
  let u = t |> filter(x < 9)
  return union(t |> filter(x > 1), u |> filter(not (x > 1)))
}
)",
                                           "f");
  EXPECT_EQ(Explain(ExclusiveBranches(plan)), Explain(plan));
}

TEST(ExclusiveBranchesTest, TakesEachFilterOnce) {
  const LogicalPlan plan = ExclusiveBranches(testing::PlanOf(R"(
edition 1
flow f(t: { x: i64 }) -> { x: i64 } {
  let a = t |> filter(x > 1)
  let b = t |> filter(x > 1)
  let c = t |> filter(not (x > 1))
  let d = t |> filter(not not (x > 1))
  return union(a, b, c, d)
}
)",
                                                             "f"));
  EXPECT_EQ(Verify(plan), std::nullopt);
  EXPECT_EQ(Explain(plan),
            "flow f\n"
            "t\n"
            "  => (x: i64)\n"
            "filter <- t\n"
            "  split gt(x, 1)\n"
            "  => (x)\n"
            "filter.2 <- t\n"
            "  filter gt(x, 1)\n"
            "  => (x)\n"
            "filter.4 <- t\n"
            "  filter not(not(gt(x, 1)))\n"
            "  => (x)\n"
            "union <- filter.true, filter.2, filter.false, filter.4\n"
            "  union\n"
            "  => (x)\n"
            "result <- union\n"
            "  (x)\n");
}

// --- shared sub-flows ---

TEST(SharedSubflowsTest, TellsZerosApart) {
  const LogicalPlan plan = testing::PlanOf(R"(
edition 1
flow f(t: { x: f32 }) -> { y: f32 } {
  return union(t |> derive(y = x * 0.0), t |> derive(y = x * -0.0))
}
)",
                                           "f");
  EXPECT_EQ(SharedSubflows(plan).stages.size(), plan.stages.size());
}

TEST(SharedSubflowsTest, GroupsByEqualColumnsOnce) {
  const LogicalPlan plan = SharedSubflows(testing::PlanOf(R"(
edition 1
flow f(t: { x: i64 }) -> { a: i64, b: i64, n: i64 } {
  return t |> derive(a = x + 1) |> derive(b = x + 1) |> groupby(a, b) |> agg(n = count())
}
)",
                                                          "f"));
  EXPECT_EQ(Verify(plan), std::nullopt);
  EXPECT_EQ(Explain(plan),
            "flow f\n"
            "t\n"
            "  => (x: i64)\n"
            "derive <- t\n"
            "  derive a: i64 = add(x, 1)\n"
            "  => (x, a)\n"
            "agg <- derive\n"
            "  agg a -> n: i64 = count()\n"
            "  => (a, n)\n"
            "result <- agg\n"
            "  (a, b = a, n)\n");
}

// A join by key names the right table's columns anew, and says which they were.
TEST(SharedSubflowsTest, RenamesWhatAJoinTakes) {
  const LogicalPlan plan = SharedSubflows(testing::PlanOf(R"(
edition 1
flow f(t: { k: i64, x: i64 }) -> { a: i64, b: i64, c: i64 } {
  let left = t |> derive(a = x + 1) |> select(k, a)
  let right = t |> derive(b = x + 1) |> derive(c = x + 1) |> select(k, b, c)
  return join(left, right, on: k)
}
)",
                                                          "f"));
  EXPECT_EQ(Verify(plan), std::nullopt);
  EXPECT_EQ(Explain(plan),
            "flow f\n"
            "t\n"
            "  => (k: i64, x: i64)\n"
            "derive <- t\n"
            "  derive a: i64 = add(x, 1)\n"
            "  => (k, x, a)\n"
            "select <- derive\n"
            "  select\n"
            "  => (k, a)\n"
            "join <- select, select\n"
            "  join k = k -> b.2: i64 = a, c.2: i64 = a\n"
            "  => (k, a, b.2, c.2)\n"
            "result <- join\n"
            "  (a, b = b.2, c = c.2)\n");
}

// --- filters pushed down ---

TEST(FilterPushDownTest, StaysWhereOthersReadTheRowsToo) {
  const LogicalPlan plan = testing::PlanOf(R"(
edition 1
flow f(t: { x: i64 }) -> { y: i64 } {
  let u = t |> derive(y = x + 1)
  return union(u, u |> filter(x > 3))
}
)",
                                           "f");
  EXPECT_EQ(Explain(FilterPushDown(plan)), Explain(plan));
}

TEST(FilterPushDownTest, StaysBehindALimit) {
  const LogicalPlan plan = testing::PlanOf(R"(
edition 1
flow f(t: { x: i64 }) -> { x: i64 } { return t |> sort(x) |> limit(3) |> filter(x > 3) }
)",
                                           "f");
  EXPECT_EQ(Explain(FilterPushDown(plan)), Explain(plan));
}

/// The steps of `body` on t: { id: i64, n: i64, x: f32 }, after filters moved.
std::string StepsAfterPush(const std::string& body) {
  const LogicalPlan plan = FilterPushDown(
      testing::PlanOf("edition 1\nmodel m(x: f32) -> (y: f32) { source: \"m.pt\" }\n"
                      "store s(k: i64) -> (w: i64) { rows: \"s.jsonl\" }\n"
                      "flow f(t: { id: i64, n: i64, x: f32 }) -> { id: i64 } { return t" +
                          body + " }\n",
                      "f"));
  EXPECT_EQ(Verify(plan), std::nullopt);
  std::string text;
  for (const Stage& stage : plan.stages) text += stage.name + " ";
  return text;
}

// A condition that can fail is asked of the same rows there.
TEST(FilterPushDownTest, PassesWhatTakesOutNoRowWithAConditionThatCanFail) {
  EXPECT_EQ(StepsAfterPush(" |> map(m) |> derive(z = n + 1) |> sort(n) |> filter(x > 0.5)"),
            "filter m derive sort ");
  EXPECT_EQ(StepsAfterPush(" |> map(m) |> select(id, n, z = 1 / n) |> filter(9 / n > 1)"),
            "filter m select ");
  EXPECT_EQ(StepsAfterPush(" |> lookup(s, key: n, miss: null) |> filter(x > 0.5)"), "filter s ");
  EXPECT_EQ(StepsAfterPush(" |> lookup(s, key: n) |> filter(x > 0.5)"), "filter s ");
}

TEST(FilterPushDownTest, StaysWithAConditionThatCanFailBehindWhatTakesOutRows) {
  EXPECT_EQ(StepsAfterPush(" |> map(m) |> filter(y == y) |> derive(z = n + 1) |> filter(x > 0.5)"),
            "m filter filter.2 derive ");
  EXPECT_EQ(StepsAfterPush(" |> lookup(s, key: n, miss: drop) |> filter(x > 0.5)"), "s filter ");
  EXPECT_EQ(StepsAfterPush(" |> lookup(s, key: n, miss: drop) |> filter(n > 5)"), "filter s ");
}

TEST(FilterPushDownTest, PassesOtherFiltersOnlyToSaveWork) {
  const LogicalPlan plan = testing::PlanOf(R"(
edition 1
flow f(t: { x: i64 }) -> { x: i64 } { return t |> filter(x > 1) |> select(x) |> filter(x > 2) }
)",
                                           "f");
  EXPECT_EQ(Explain(FilterPushDown(plan)), Explain(plan));
}

/// Two flows as the try and the substitute of a `rescue`.
LogicalPlan Guarded(const std::string& steps) {
  return testing::PlanOf("edition 1\nflow g(t: { x: i64 }) -> { y: i64 } { return t" + steps +
                             " }\nflow f(t: { x: i64 }) -> { y: i64 } {\n"
                             "  return t |> g rescue select(y = 0)\n}\n",
                         "f");
}

std::vector<StepKind> KindsInTry(const LogicalPlan& plan) {
  std::vector<StepKind> kinds;
  for (const Stage& stage : plan.stages.front().steps.front().branches.front().stages) {
    for (const Step& step : stage.steps) kinds.push_back(step.kind);
  }
  return kinds;
}

TEST(FilterPushDownTest, PassesInABranchWhatCannotFail) {
  const LogicalPlan plan = FilterPushDown(Guarded(" |> derive(y = x + 1) |> filter(x > 3)"));
  EXPECT_EQ(Verify(plan), std::nullopt);
  EXPECT_EQ(KindsInTry(plan), (std::vector{StepKind::kFilter, StepKind::kDerive}));
}

TEST(FilterPushDownTest, StaysInABranchBehindWhatCanFail) {
  const LogicalPlan plan = FilterPushDown(Guarded(" |> derive(y = 1 / x) |> filter(x > 3)"));
  EXPECT_EQ(KindsInTry(plan), (std::vector{StepKind::kDerive, StepKind::kFilter}));
}

TEST(FilterPushDownTest, PassesInABranchWhatCannotFailWithAConditionThatCan) {
  const LogicalPlan plan = FilterPushDown(Guarded(" |> derive(y = x + 1) |> filter(9 / x > 3)"));
  EXPECT_EQ(KindsInTry(plan), (std::vector{StepKind::kFilter, StepKind::kDerive}));
}

TEST(SharedSubflowsTest, SharesWithinABranch) {
  const LogicalPlan plan =
      SharedSubflows(Guarded(" |> derive(a = 1 / x) |> derive(b = 1 / x) |> derive(y = a + b)"));
  EXPECT_EQ(Verify(plan), std::nullopt);
  EXPECT_EQ(KindsInTry(plan), (std::vector{StepKind::kDerive, StepKind::kDerive})) << Explain(plan);
}

// --- branches merged ---

/// `derive`s on both halves of a split, the union of which `after` goes on with.
LogicalPlan TwoBranches(const std::string& before, const std::string& condition,
                        const std::string& first, const std::string& second) {
  return ExclusiveBranches(testing::PlanOf(
      "edition 1\nfn look(x: i64) -> (label: string) "
      "{ native: \"labels.lookup\", file: \"l.txt\" }\n"
      "flow f(t: { x: i64, d: i64, v: f32[3], s: f32 }) -> { y: i64 } {\n"
      "  let (a, b) = t" +
          before + " |> split(" + condition + ")\n  return union(a |> derive(y = " + first +
          "), b |> derive(y = " + second + "))\n}\n",
      "f"));
}

TEST(MergeBranchesTest, ChoosesForEachRow) {
  const LogicalPlan plan = MergeBranches(TwoBranches("", "x > 3", "x + 1", "d"));
  EXPECT_EQ(Verify(plan), std::nullopt);
  EXPECT_EQ(Explain(plan),
            "flow f\n"
            "t\n"
            "  => (x: i64, d: i64, v: f32[3], s: f32)\n"
            "union <- t\n"
            "  derive y.2: i64 = if(gt(x, 3), add(x, 1), d)\n"
            "  => (x, d, v, s, y.2)\n"
            "result <- union\n"
            "  (y = y.2)\n");
}

// An `if` asks the same rows, and its error is one of the split.
TEST(MergeBranchesTest, NanMayMeetTheConditionOnly) {
  const LogicalPlan plan = MergeBranches(TwoBranches("", "s > 0.5", "x", "d"));
  ASSERT_EQ(plan.stages.size(), 1u) << Explain(plan);
  EXPECT_EQ(plan.stages.front().steps.front().label, "split");
  EXPECT_GT(MergeBranches(TwoBranches("", "x > 3", "x", "i64(s < 0.1)")).stages.size(), 1u);
}

// A union of three keeps the third, and the split becomes what two of them were.
TEST(MergeBranchesTest, LeavesOtherInputsOfTheUnion) {
  const LogicalPlan plan = MergeBranches(ExclusiveBranches(testing::PlanOf(R"(
edition 1
model m(x: i64) -> (y: i64) { source: "m.pt" }
flow f(t: { x: i64 }) -> { x: i64, y: i64 } {
  let (a, b) = t |> split(x > 3)
  let (c, d) = b |> split(x > 1)
  return union(a |> map(m), c |> derive(y = 1), d |> derive(y = 2))
}
)",
                                                                           "f")));
  EXPECT_EQ(Verify(plan), std::nullopt);
  EXPECT_EQ(Explain(plan),
            "flow f\n"
            "t\n"
            "  => (x: i64)\n"
            "split <- t\n"
            "  split gt(x, 3)\n"
            "  => (x)\n"
            "split.2 <- split.false\n"
            "  derive y.4.2: i64 = if(gt(x, 1), 1, 2)\n"
            "  => (y.4.2, x)\n"
            "m <- split.true\n"
            "  map(m) x -> y: i64\n"
            "  => (x, y)\n"
            "union <- m, split.2\n"
            "  union y.4: i64 = y | y.4.2\n"
            "  => (x, y.4)\n"
            "result <- union\n"
            "  (x, y = y.4)\n");
}

TEST(MergeBranchesTest, StopsWhereItWouldNotPayOrNotBeTheSame) {
  const std::string large = "x + x + x + x + x + x + x + x + x + x + x + x + x + x + x";
  for (const LogicalPlan& plan : {
           TwoBranches("", "x > 3", "x / d", "d"),                        // can fail
           TwoBranches("", "max(v) > 0.5", "x", "d"),                     // a tensor's work, twice
           TwoBranches(" |> sort(d)", "x > 3", "x", "d"),                 // a union orders the rows
           TwoBranches("", "x > 3", large, large + " + 1"),               //
           TwoBranches("", "x > 3", "x) |> filter(x > 7", "d"),           // not only computing
           TwoBranches("", "x > 3", "x) |> map(look", "d) |> map(look"),  //
       }) {
    EXPECT_EQ(Explain(MergeBranches(plan)), Explain(plan));
  }
}

// Rows that stand twice in a table stand apart in the union of its halves.
TEST(MergeBranchesTest, StopsWhereRowsAreThereTwice) {
  const LogicalPlan plan = ExclusiveBranches(testing::PlanOf(R"(
edition 1
flow f(t: { x: i64 }) -> { y: i64 } {
  let (a, b) = union(t, t) |> split(x > 3)
  return union(a |> derive(y = x), b |> derive(y = 0))
}
)",
                                                             "f"));
  EXPECT_EQ(Explain(MergeBranches(plan)), Explain(plan));
}

// The union of both halves has each row once, so that the next round is merged as well.
TEST(MergeBranchesTest, SeesThatHalvesComeTogetherAgain) {
  const LogicalPlan plan = MergeBranches(ExclusiveBranches(testing::PlanOf(R"(
edition 1
fn look(x: i64) -> (label: string) { native: "labels.lookup", file: "l.txt" }
flow f(t: { x: i64 }) -> { y: string } {
  let (a, b) = t |> split(x > 3)
  let u = union(a |> map(look), b |> derive(label = "none"))
  let (c, d) = u |> split(x > 5)
  return union(c |> derive(y = label), d |> derive(y = "low"))
}
)",
                                                                           "f")));
  EXPECT_EQ(plan.stages.size(), 5u) << Explain(plan);
}

// --- exclusive routes ---

LogicalPlan RouteOf(const std::string& rest) {
  return ExclusiveBranches(
      testing::PlanOf("edition 1\nflow f(t: { x: i64, d: i64 }) -> { x: i64 } {\n"
                      "  let (a, b) = t |> split(x > 3)\n" +
                          rest + "}\n",
                      "f"));
}

TEST(ExclusiveRoutesTest, StopsAtAConditionThatCanFail) {
  const LogicalPlan plan = RouteOf(
      "  let (c, e) = b |> split(10 / d > 1)\n"
      "  return union(a |> limit(1), c |> limit(2), e |> limit(3))\n");
  EXPECT_EQ(Explain(ExclusiveRoutes(plan)), Explain(plan));
}

TEST(ExclusiveRoutesTest, StopsWhereOthersReadTheRestToo) {
  const LogicalPlan plan = RouteOf(
      "  let (c, e) = b |> split(d > 1)\n"
      "  return union(a |> limit(1), c |> limit(2), e |> limit(3), b)\n");
  EXPECT_EQ(Explain(ExclusiveRoutes(plan)), Explain(plan));
}

TEST(ExclusiveRoutesTest, StopsAtTheRowsThatATookAndWhereTheDeviceChanges) {
  LogicalPlan plan = RouteOf(
      "  let (c, e) = a |> split(d > 1)\n"
      "  return union(b |> limit(1), c |> limit(2), e |> limit(3))\n");
  EXPECT_EQ(Explain(ExclusiveRoutes(plan)), Explain(plan));
  plan = RouteOf(
      "  let (c, e) = b |> split(d > 1)\n"
      "  return union(a |> limit(1), c |> limit(2), e |> limit(3))\n");
  EXPECT_NE(Explain(ExclusiveRoutes(plan)), Explain(plan));
  plan.stages[1].device = "cuda:0";
  EXPECT_EQ(Explain(ExclusiveRoutes(plan)), Explain(plan));
}

// --- fused chains ---

LogicalPlan Chain() {
  return testing::PlanOf(R"(
edition 1
flow f(t: { x: i64 }) -> { x: i64 } {
  return t |> filter(x > 1) |> filter(x > 2) |> filter(x > 3)
}
)",
                         "f");
}

TEST(FuseChainsTest, StopsWhereTheDeviceChanges) {
  LogicalPlan plan = Chain();
  plan.stages[2].device = "cuda:0";
  EXPECT_EQ(Explain(FuseChains(plan)),
            "flow f\n"
            "t\n"
            "  => (x: i64)\n"
            "filter <- t\n"
            "  filter gt(x, 1)\n"
            "  filter gt(x, 2)\n"
            "  => (x)\n"
            "filter.3 <- filter on cuda:0\n"
            "  filter gt(x, 3)\n"
            "  => (x)\n"
            "result <- filter.3\n"
            "  (x)\n");
}

TEST(FuseChainsTest, StopsWhereTheResultIsTakenOnTheWay) {
  LogicalPlan plan = Chain();
  plan.stages.pop_back();
  plan.results.front().output = {0, 0};
  plan.stages[1].inputs = {{0, 0}};
  // The second stage reads what is also the result: nobody reads the second one.
  EXPECT_EQ(FuseChains(plan).stages.size(), 2u);
}

// --- dead columns ---

TEST(DeadColumnsTest, KeepsWhatAConditionReads) {
  const LogicalPlan plan = DeadColumns(testing::PlanOf(R"(
edition 1
flow f(t: { x: i64, y: i64 }) -> { x: i64 } {
  return t |> derive(z = y + 1) |> filter(z > 3)
}
)",
                                                       "f"));
  EXPECT_EQ(Verify(plan), std::nullopt);
  EXPECT_EQ(Explain(plan),
            "flow f\n"
            "t\n"
            "  => (x: i64, y: i64)\n"
            "derive <- t\n"
            "  derive z: i64 = add(y, 1)\n"
            "  => (x, z)\n"
            "filter <- derive\n"
            "  filter gt(z, 3)\n"
            "  => (x)\n"
            "result <- filter\n"
            "  (x)\n");
}

TEST(DeadColumnsTest, KeepsRowsOfWhichNobodyReadsAColumn) {
  const LogicalPlan plan = DeadColumns(testing::PlanOf(
      "edition 1\n"
      "flow f(t: { x: i64 }) -> { n: i64 } { return t |> filter(x > 1) |> select(n = 1) }\n",
      "f"));
  EXPECT_EQ(Verify(plan), std::nullopt);
  EXPECT_EQ(Explain(plan),
            "flow f\n"
            "t\n"
            "  => (x: i64)\n"
            "filter <- t\n"
            "  filter gt(x, 1)\n"
            "  => ()\n"
            "select <- filter\n"
            "  select n: i64 = 1\n"
            "  => (n)\n"
            "result <- select\n"
            "  (n)\n");
}

// A function whose results nobody reads is not called; one of two that is read keeps it.
TEST(DeadColumnsTest, CallsAFunctionForOneOfItsResults) {
  const LogicalPlan plan = DeadColumns(testing::PlanOf(R"(
edition 1
model m(x: i64) -> (a: i64, b: i64) { source: "m.pt" }
flow f(t: { x: i64 }) -> { b: i64 } { return t |> map(m) |> map(m) as unread }
)",
                                                       "f"));
  EXPECT_EQ(Explain(plan),
            "flow f\n"
            "t\n"
            "  => (x: i64)\n"
            "m <- t\n"
            "  map(m) x -> a: i64, b: i64\n"
            "  => (b)\n"
            "result <- m\n"
            "  (b)\n");
}

}  // namespace
}  // namespace raceway::compiler
