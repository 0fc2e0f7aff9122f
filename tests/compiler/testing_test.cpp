// Tests of a flow file: what they mean for the flows beside them.
#include <gtest/gtest.h>

#include "tests/compiler/compiling.h"

namespace raceway::compiler {
namespace {

constexpr char kFlow[] =
    "edition 1\n"
    "model m(x: f32) -> (y: f32) { source: \"m.pt\" }\n"
    "flow f(t: { x: f32 }) -> { y: f32 } { return t |> map(m) }\n";

TEST(TestCaseTest, ABadTestBlocksNoFlow) {
  for (const std::string test : {"test \"a\" { stub n => { y: 0.5 } }\n", "test \"a\" { expect }\n",
                                 "test \"a\" { expect 1 && 2 }\n", "test \"a\" { expect (1 }\n"}) {
    const std::string text = kFlow + test;
    const testing::Compiled checked = testing::Compile(text);
    EXPECT_TRUE(checked.result.diagnostics.has_errors()) << test;
    EXPECT_FALSE(checked.result.diagnostics.has_errors_of_flows()) << checked.Text();
    const testing::Compiled compiled =
        testing::Compile(text, {.flow = "f", .params = {}, .without = {}});
    EXPECT_TRUE(compiled.result.physical.has_value()) << compiled.Text();
  }
}

TEST(TestCaseTest, ABadTestBlocksNoOther) {
  const testing::Compiled compiled = testing::Compile(
      std::string(kFlow) +
          "test \"a\" { given t = [{ y: 1 }] let out = f(t) expect count(out) == 1 }\n"
          "test \"b\" { given t = [{ x: 1 }] let out = f(t) expect count(out) == 1 }\n",
      {.flow = {}, .params = {}, .without = {}, .plan_tests = true});
  ASSERT_EQ(compiled.result.tests.size(), 2);
  EXPECT_TRUE(compiled.result.tests[0].is_broken);
  EXPECT_FALSE(compiled.result.tests[1].is_broken);
  const auto& run = std::get<TestRun>(compiled.result.tests[1].steps[1]);
  ASSERT_TRUE(run.plan.has_value());
  EXPECT_EQ(run.plan->flow, "f");
}

// Nothing is said twice: what is wrong with the flow is said there.
TEST(TestCaseTest, IsSilentAboutABrokenFlow) {
  const testing::Compiled compiled = testing::Compile(
      "edition 1\n"
      "model m(x: f32) -> (y: f32) { sauce: \"m.pt\" }\n"
      "flow f(t: { x: f32 }) -> { y: f32 } { return t |> map(n) }\n"
      "test \"a\" {\n"
      "  stub m => { y: 0.5 }\n"
      "  given t = [{ x: 1 }]\n"
      "  let out = f(t)\n"
      "  expect out[0].y == 0.5 and calls(m) == 1\n"
      "}\n");
  EXPECT_EQ(compiled.Lines(),
            "2:31 E0204 a model has no setting `sauce`\n"
            "3:55 E0201 no model or function `n`\n");
  EXPECT_TRUE(compiled.result.tests.front().is_broken);
}

}  // namespace
}  // namespace raceway::compiler
