#include "compiler/plan/infix.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/compiler/compiling.h"

namespace raceway::compiler {
namespace {

/// What becomes of the condition of a filter.
std::string InfixOf(const std::string& condition) {
  const LogicalPlan plan = testing::PlanOf(
      "edition 1\n"
      "flow f(t: { a: i64, b: i64, c: bool, s: string, m: i64?, v: f32[3] }) -> { a: i64 } {\n"
      "  return t |> filter(" +
          condition + ") |> select(a)\n}\n",
      "f");
  return Infix(plan.stages.front().steps.front().expressions.front().expression);
}

TEST(InfixTest, NeedsNoBracketsWhereTheyGoWithoutSaying) {
  for (const std::string text : {"a + b * 2 > 3",
                                 "c and not c or a == b",
                                 "a - b - 1 < 0",
                                 "not (c or c) and a >= b",
                                 "a * (b + 1) != 2",
                                 "a - (b - 1) < 0",
                                 "-a < b",
                                 "-(a + b) < 0",
                                 "not not c",
                                 "(if c then a else b) > 1",
                                 "if c then a > 1 else b > 1",
                                 "len(s) <= 3",
                                 "(a == b) == c",
                                 "m is null or m > a",
                                 "m is not null and m > a + 1",
                                 "(m ?? a) > b",
                                 "not (m ?? a) == 2 or c",
                                 "(if c then m else null) is null",
                                 "v[0] > 1.0",
                                 "v.shape[0] > a",
                                 "take(v, [a, b])[1] > 0.0",
                                 "a in topk(v, 2)",
                                 "(v + 1.0)[a] < 2.0",
                                 "not a in topk(v, 2)"}) {
    EXPECT_EQ(InfixOf(text), text);
  }
}

TEST(InfixTest, LeavesOutBracketsThatSayNothing) {
  EXPECT_EQ(InfixOf("((a) + ((b * 2))) > (3)"), "a + b * 2 > 3");
}

}  // namespace
}  // namespace raceway::compiler
