// `param` from outside: `--set name=value`.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "compiler/plan/explain.h"
#include "tests/compiler/compiling.h"

namespace raceway::compiler {
namespace {

using Params = std::vector<std::pair<std::string, std::string>>;

constexpr char kFlow[] = R"(edition 1
param share: f32 in 0.0..1.0 = 0.5
param limit: i8 = 10
param name: string in ["cat", "dog"] = "cat"
param strict: bool = false
param side: i64 in [1, 2] = 2
flow f(t: { x: f32[side], a: f32, b: i8, c: string }) -> { a: f32 } {
  return t |> filter(a > share and b < limit and (c == name or strict))
}
)";

testing::Compiled With(const Params& params, const std::string& text = kFlow) {
  return testing::Compile(text, {.flow = "f", .params = params, .without = {}});
}

/// The condition of the only filter, or what is wrong.
std::string Condition(const Params& params) {
  const testing::Compiled compiled = With(params);
  if (!compiled.result.logical) return compiled.Lines() + compiled.result.usage_error;
  const Step& filter = compiled.result.logical->stages.front().steps.front();
  return ToString(filter.expressions.front().expression);
}

TEST(ParamTest, HasItsDefault) {
  EXPECT_EQ(Condition({}), "and(and(gt(a, 0.5), lt(b, 10)), or(eq(c, \"cat\"), false))");
}

TEST(ParamTest, TakesAValueFromOutside) {
  EXPECT_EQ(Condition({{"share", "0.25"}, {"limit", "-3"}, {"name", "dog"}, {"strict", "true"}}),
            "and(and(gt(a, 0.25), lt(b, -3)), or(eq(c, \"dog\"), true))");
}

TEST(ParamTest, TakesAnIntegerForAFloat) {
  EXPECT_EQ(Condition({{"share", "1"}}),
            "and(and(gt(a, 1.0), lt(b, 10)), or(eq(c, \"cat\"), false))");
}

TEST(ParamTest, TakesNumbersAsAFileWritesThem) {
  EXPECT_EQ(Condition({{"share", "1e-2"}, {"limit", "0x1_0"}}),
            "and(and(gt(a, 0.01), lt(b, 16)), or(eq(c, \"cat\"), false))");
}

TEST(ParamTest, TheLastOfTwoCounts) {
  EXPECT_EQ(Condition({{"share", "0.1"}, {"share", "0.2"}}),
            "and(and(gt(a, 0.2), lt(b, 10)), or(eq(c, \"cat\"), false))");
}

TEST(ParamTest, IsRefusedOutsideItsRange) {
  EXPECT_EQ(Condition({{"share", "1.5"}}),
            "2:1 E0603 --set share=1.5: `share` must be in 0.0..1.0, this is 1.5\n");
  EXPECT_EQ(Condition({{"share", "-0.001"}}),
            "2:1 E0603 --set share=-0.001: `share` must be in 0.0..1.0, this is -0.001\n");
}

TEST(ParamTest, ARangeHoldsBothItsEnds) {
  EXPECT_TRUE(With({{"share", "0"}}).result.logical);
  EXPECT_TRUE(With({{"share", "1.0"}}).result.logical);
}

TEST(ParamTest, IsRefusedOutsideItsList) {
  EXPECT_EQ(Condition({{"name", "bird"}}),
            "4:1 E0603 --set name=bird: `name` must be in [\"cat\", \"dog\"], this is \"bird\"\n");
}

TEST(ParamTest, IsRefusedWhereItIsOfAnotherType) {
  EXPECT_EQ(Condition({{"limit", "2.5"}}), "3:1 E0603 --set limit=2.5: wanted i8, found `2.5`\n");
  EXPECT_EQ(Condition({{"limit", "ten"}}),
            "3:1 E0603 --set limit=ten: wanted i8, found `\"ten\"`\n");
  EXPECT_EQ(Condition({{"strict", "1"}}), "5:1 E0603 --set strict=1: wanted bool, found `1`\n");
  EXPECT_EQ(Condition({{"share", "half"}}),
            "2:1 E0603 --set share=half: wanted f32, found `\"half\"`\n");
  EXPECT_EQ(Condition({{"share", ""}}), "2:1 E0603 --set share=: wanted f32, found `\"\"`\n");
}

TEST(ParamTest, IsRefusedWhereItDoesNotFit) {
  EXPECT_EQ(Condition({{"limit", "300"}}),
            "3:1 E0603 --set limit=300: `300` does not fit i8 (-128 to 127)\n");
  EXPECT_EQ(Condition({{"limit", "99999999999999999999"}}),
            "3:1 E0603 --set limit=99999999999999999999: wanted i8, found "
            "`\"99999999999999999999\"`\n");
}

TEST(ParamTest, DoesNotLetTextInThroughAValue) {
  // What follows the value on the command line is no flow of ours.
  const std::string smuggled = "0.5\nflow g(t: { x: i64 }) -> { x: i64 } { return t }";
  EXPECT_FALSE(With({{"share", smuggled}}).result.logical);
  EXPECT_FALSE(With({{"share", "0.5 0.6"}}).result.logical);
  EXPECT_FALSE(With({{"share", "0.5 // half"}}).result.logical);
}

TEST(ParamTest, AStringIsTakenAsItIs) {
  constexpr char text[] = R"(edition 1
param name: string = "a"
flow f(t: { c: string }) -> { c: string } { return t |> filter(c == name) }
)";
  for (const std::string value : {"", "true", "3", "a \"b\" \\n", "ä = ö", "1ms"}) {
    const testing::Compiled compiled = With({{"name", value}}, text);
    ASSERT_TRUE(compiled.result.logical) << compiled.Text();
    const Step& filter = compiled.result.logical->stages.front().steps.front();
    const std::string* constant = filter.expressions.front().expression.args[1].constant.AsString();
    ASSERT_NE(constant, nullptr);
    EXPECT_EQ(*constant, value);
  }
}

TEST(ParamTest, AnUnknownOneIsAMistakeOfTheCall) {
  const testing::Compiled compiled = With({{"shar", "0.5"}});
  EXPECT_EQ(compiled.result.usage_error,
            "--set shar: the file has no parameter of that name; did you mean `share`?");
  EXPECT_FALSE(compiled.result.diagnostics.has_errors());
  EXPECT_FALSE(compiled.result.logical);
}

TEST(ParamTest, AValueThatDoesNotSuitIsAMistakeOfTheCall) {
  EXPECT_TRUE(With({{"share", "1.5"}}).result.is_badly_set);
  EXPECT_TRUE(With({{"limit", "ten"}}).result.is_badly_set);
  EXPECT_FALSE(With({{"share", "0.5"}}).result.is_badly_set);
  constexpr char text[] = R"(edition 1
param limit: i64 in 0..5 = 9
param none: i64
flow f(t: { a: i64 }) -> { a: i64 } { return t |> filter(a < limit) }
)";
  EXPECT_FALSE(With({}, text).result.is_badly_set);
}

TEST(ParamTest, WithoutADefaultHasToBeSet) {
  constexpr char text[] = R"(edition 1
param limit: i64
flow f(t: { a: i64 }) -> { a: i64 } { return t |> filter(a < limit) }
)";
  EXPECT_EQ(With({}, text).Lines(), "2:1 E0603 parameter `limit` has no value\n");
  EXPECT_TRUE(With({{"limit", "3"}}, text).result.logical);
}

TEST(ParamTest, ABadDefaultDoesNotMatterWhereItIsSet) {
  constexpr char text[] = R"(edition 1
param limit: i64 in 0..5 = 9
flow f(t: { a: i64 }) -> { a: i64 } { return t |> filter(a < limit) }
)";
  EXPECT_EQ(With({}, text).Lines(), "2:28 E0603 `limit` must be in 0..5, this is 9\n");
  EXPECT_TRUE(With({{"limit", "3"}}, text).result.logical);
}

TEST(ParamTest, ADimensionIsAtLeastOne) {
  constexpr char text[] = R"(edition 1
param n: i64 = 4
flow f(t: { a: f32[n] }) -> { a: f32[n] } { return t }
)";
  EXPECT_EQ(With({{"n", "0"}}, text).Lines(),
            "3:20 E0301 a dimension is an integer of at least 1, parameter `n` is 0\n"
            "3:38 E0301 a dimension is an integer of at least 1, parameter `n` is 0\n");
  const testing::Compiled compiled = With({{"n", "2"}}, text);
  ASSERT_TRUE(compiled.result.logical);
  EXPECT_EQ(ToString(compiled.result.logical->columns.at("a")), "f32[2]");
}

TEST(ParamTest, AColumnHidesIt) {
  constexpr char text[] = R"(edition 1
param a: i64 = 4
flow f(t: { a: i64 }) -> { a: i64 } { return t |> filter(a < 3) }
)";
  const testing::Compiled compiled = With({}, text);
  ASSERT_TRUE(compiled.result.logical);
  EXPECT_EQ(
      ToString(
          compiled.result.logical->stages.front().steps.front().expressions.front().expression),
      "lt(a, 3)");
}

}  // namespace
}  // namespace raceway::compiler
