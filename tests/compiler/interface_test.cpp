#include "compiler/interface/interface.h"

#include <gtest/gtest.h>

#include <string>

#include "dsl/parse.h"
#include "tests/compiler/compiling.h"

namespace raceway::compiler {
namespace {

Interface Of(const std::string& text) {
  const testing::Compiled compiled = testing::Compile("edition 1\n" + text);
  EXPECT_FALSE(compiled.result.diagnostics.has_errors()) << compiled.Text();
  return InterfaceOf(compiled.result.modules, testing::AllContracts());
}

/// Each change on a line: "breaking result: `b: i64` is gone".
std::string Changes(const Interface& before, const Interface& after) {
  const InterfaceComparison comparison = Compare(before, after);
  std::string text;
  const auto add = [&](const std::vector<InterfaceChange>& changes) {
    for (const InterfaceChange& change : changes) {
      text += std::string(NameOf(change.verdict)) + " " + change.what + "\n";
    }
  };
  for (const FlowComparison& flow : comparison.flows) add(flow.changes);
  add(comparison.params);
  return text;
}

/// Of a flow that gives back its table; `before` and `after` are its columns.
std::string InputChanges(const std::string& before, const std::string& after) {
  const auto flow = [](const std::string& columns) {
    return Of("flow f(t: { k: i64, " + columns + " }) -> { k: i64 } { return t |> select(k) }");
  };
  return Changes(flow(before), flow(after));
}

std::string ResultChanges(const std::string& before, const std::string& after) {
  const std::string table = "{ k: i64, a: f32[H, W], b: f32[N], c: f32[4, 4], s: string }";
  const auto flow = [&](const std::string& signature) {
    const size_t slash = signature.find(" by ");
    return Of(
        "model m(a: f32[H, W]) -> (free: f32[M], fixed: f32[4]) { source: \"m.pt\" }\n"
        "flow f(t: " +
        table + ") -> { " + signature.substr(0, slash) + " } { return t |> map(m) |> select(" +
        signature.substr(slash + 4) + ") }");
  };
  return Changes(flow(before), flow(after));
}

TEST(InterfaceTest, IsTheSameForTheSameFlow) {
  const std::string text =
      "param p: f32 in 0.0..1.0 = 0.5\n"
      "flow f(t: { x: i64, y: f32[H, 3] }) -> { y: f32[H, 3] } { return t |> select(y) }";
  EXPECT_EQ(Changes(Of(text), Of(text)), "");
  EXPECT_EQ(Compare(Of(text), Of(text)).verdict(), Verdict::kSame);
}

// What happens inside is no caller's business.
TEST(InterfaceTest, DoesNotLookIntoBodies) {
  EXPECT_EQ(
      Changes(Of("flow f(t: { x: i64 }) -> { x: i64 } { return t }"),
              Of("flow f(t: { x: i64 }) -> { x: i64 } { return t |> filter(x > 1) |> limit(3) }")),
      "");
}

TEST(InterfaceTest, OfFlowsThatComeAndGo) {
  const std::string f = "flow f(t: { x: i64 }) -> { x: i64 } { return t }\n";
  const std::string g = "flow g(t: { x: i64 }) -> { x: i64 } { return t }\n";
  EXPECT_EQ(Changes(Of(f), Of(f + g)), "compatible the flow is new\n");
  EXPECT_EQ(Changes(Of(f + g), Of(f)), "breaking the flow is gone\n");
}

TEST(InterfaceTest, OfColumnsThatAreSent) {
  EXPECT_EQ(InputChanges("x: i64", "x: i64, y: i64"),
            "breaking table `t`: `y: i64` is new and required\n");
  EXPECT_EQ(InputChanges("x: i64, y: i64", "x: i64"),
            "breaking table `t`: `y: i64` is not taken any more\n");
  EXPECT_EQ(InputChanges("x: i64, y: i64", "y: i64, x: i64"),
            "compatible table `t`: its columns stand in another order\n");
  EXPECT_EQ(InputChanges("x: i64", "x: i32"), "breaking table `t`: `x` was `i64`, is `i32`\n");
}

TEST(InterfaceTest, OfDimensionsThatAreSent) {
  EXPECT_EQ(InputChanges("x: u8[224]", "x: u8[N]"),
            "compatible table `t`: `x` was `u8[224]`, is `u8[N]`\n");
  EXPECT_EQ(InputChanges("x: u8[N]", "x: u8[224]"),
            "breaking table `t`: `x` was `u8[N]`, is `u8[224]`\n");
  EXPECT_EQ(InputChanges("x: u8[N]", "x: u8[_]"), "") << "a symbol alone is any size";
  EXPECT_EQ(InputChanges("x: u8[N]", "x: u8[N, 1]"),
            "breaking table `t`: `x` was `u8[N]`, is `u8[N, 1]`\n");
}

// A symbol is one size wherever it stands in a flow's tables.
TEST(InterfaceTest, OfDimensionsThatBelongTogether) {
  EXPECT_EQ(InputChanges("x: u8[A], y: u8[B]", "x: u8[H], y: u8[W]"), "");
  EXPECT_EQ(InputChanges("x: u8[A], y: u8[A]", "x: u8[H], y: u8[W]"),
            "compatible table `t`: `y` was `u8[A]`, is `u8[W]`\n");
  EXPECT_EQ(InputChanges("x: u8[A], y: u8[B]", "x: u8[H], y: u8[H]"),
            "breaking table `t`: `y` was `u8[B]`, is `u8[H]`\n");
  EXPECT_EQ(InputChanges("x: u8[_], y: u8[_]", "x: u8[H], y: u8[H]"),
            "breaking table `t`: `y` was `u8[_]`, is `u8[H]`\n");
}

TEST(InterfaceTest, OfColumnsThatComeBack) {
  EXPECT_EQ(ResultChanges("k: i64 by k", "k: i64, s: string by k, s"),
            "compatible result: `s: string` is new\n");
  EXPECT_EQ(ResultChanges("k: i64, s: string by k, s", "k: i64 by k"),
            "breaking result: `s: string` is gone\n");
  EXPECT_EQ(ResultChanges("k: i64, s: string by k, s", "s: string, k: i64 by k, s"),
            "compatible result: its columns stand in another order\n");
  EXPECT_EQ(ResultChanges("k: i64 by k", "k: string by k = s"),
            "breaking result: `k` was `i64`, is `string`\n");
}

TEST(InterfaceTest, OfDimensionsThatComeBack) {
  EXPECT_EQ(ResultChanges("r: f32[M] by r = free", "r: f32[4] by r = fixed"),
            "compatible result: `r` was `f32[M]`, is `f32[4]`\n");
  EXPECT_EQ(ResultChanges("r: f32[4] by r = fixed", "r: f32[M] by r = free"),
            "breaking result: `r` was `f32[4]`, is `f32[M]`\n");
  EXPECT_EQ(ResultChanges("r: f32[N] by r = b", "r: f32[M] by r = free"),
            "breaking result: `r` was `f32[N]`, is `f32[M]`\n");
  EXPECT_EQ(ResultChanges("r: f32[M] by r = free", "r: f32[N] by r = b"),
            "compatible result: `r` was `f32[M]`, is `f32[N]`\n");
}

// The sizes of what is sent and of what comes back belong together, whatever they are called.
TEST(InterfaceTest, FollowsDimensionsFromTheTableToTheResult) {
  const auto flow = [](const std::string& in, const std::string& out) {
    return Of("flow f(t: { x: u8[" + in + "] }) -> { x: u8[" + out + "] } { return t }");
  };
  EXPECT_EQ(Changes(flow("H, W", "H, W"), flow("A, B", "A, B")), "");
  EXPECT_EQ(Changes(flow("4, W", "4, W"), flow("A, B", "A, B")),
            "compatible table `t`: `x` was `u8[4, W]`, is `u8[A, B]`\n");
}

TEST(InterfaceTest, OfRowsWithMoreColumns) {
  const std::string closed =
      "flow f(t: { x: i64, y: i64 }) -> { x: i64 } { return t |> select(x) }";
  const std::string open = "flow f(t: { x: i64, ... }) -> { x: i64, ... } { return t }";
  EXPECT_EQ(Changes(Of(closed), Of(open)),
            "compatible table `t`: `y: i64` is not asked for any more, `...` takes it\n"
            "compatible table `t`: takes more columns now (`...`)\n"
            "compatible result: passes more columns on now (`...`)\n");
  EXPECT_EQ(Compare(Of(open), Of(closed)).verdict(), Verdict::kBreaking);
}

TEST(InterfaceTest, OfTables) {
  const std::string one = "flow f(t: { x: i64 }) -> { x: i64 } { return t }";
  const std::string renamed = "flow f(u: { x: i64 }) -> { x: i64 } { return u }";
  const std::string two =
      "flow f(t: { x: i64 }, u: { x: i64 }) -> { x: i64 } { return union(t, u) }";
  EXPECT_EQ(Changes(Of(one), Of(renamed)), "compatible table was `t`, is `u`\n");
  EXPECT_EQ(Changes(Of(one), Of(two)), "breaking took 1 table, takes 2\n");
}

// Their rows are sent by name, and flows pass them by place.
TEST(InterfaceTest, OfSeveralTablesThatChangeNameOrPlace) {
  const auto flow = [](const std::string& tables) {
    return Of("flow f(" + tables + ") -> { x: i64 } { return t }");
  };
  const Interface two = flow("t: { x: i64 }, u: { x: i64 }");
  EXPECT_EQ(Changes(two, two), "");
  EXPECT_EQ(Changes(two, flow("u: { x: i64 }, t: { x: i64 }")),
            "breaking its tables stand in another order, and the flows that call it pass them by "
            "place\n");
  EXPECT_EQ(Changes(two, flow("t: { x: i64 }, v: { x: i64 }")),
            "breaking table `u` is gone\nbreaking table `v` is new and required\n");
}

TEST(InterfaceTest, OfDefaults) {
  EXPECT_EQ(InputChanges("x: i64", "x: i64, y: i64?"),
            "breaking table `t`: `y: i64?` is new and required\n");
  EXPECT_EQ(InputChanges("x: i64", "x: i64, y: i64? = null"),
            "compatible table `t`: `y: i64?` is new and may be left out\n");
  EXPECT_EQ(InputChanges("x: duration = 1s", "x: duration = 2s"),
            "compatible table `t`: `x` has another default: was `1s`, is `2s`\n");
  EXPECT_EQ(InputChanges("x: i64", "x: i64 = 3"),
            "compatible table `t`: `x` has another default: was `no default`, is `3`\n");
  EXPECT_EQ(InputChanges("x: i64? = null", "x: i64?"),
            "breaking table `t`: `x` has another default: was `null`, is `no default`\n");
}

TEST(InterfaceTest, OfSeveralResults) {
  const auto flow = [](const std::string& signature, const std::string& returned) {
    return Of("flow f(t: { x: i64 }) -> " + signature + " { return " + returned + " }");
  };
  const Interface two = flow("(a: { x: i64 }, b: { x: i64 })", "a: t, b: t");
  const Interface other = flow("(a: { x: i64 }, c: { x: i64 })", "a: t, c: t");
  EXPECT_EQ(Changes(two, two), "");
  EXPECT_EQ(Changes(two, other), "breaking result `b` is gone\ncompatible result `c` is new\n");
  EXPECT_EQ(
      Changes(two, flow("(b: { x: i64, y: i64 }, a: { x: i64 })", "a: t, b: t |> derive(y = x)")),
      "compatible result `b`: `y: i64` is new\n");
  EXPECT_EQ(Changes(flow("{ x: i64 }", "t"), flow("(a: { x: i64 })", "a: t")),
            "breaking the result without a name is gone\ncompatible result `a` is new\n");
}

// `_name` is nobody else's to call.
TEST(InterfaceTest, LeavesPrivateFlowsOut) {
  const std::string g = "flow g(t: { x: i64 }) -> { x: i64 } { return t |> _f }\n";
  const std::string f = "flow _f(t: { x: i64 }) -> { x: i64 } { return t }\n";
  const std::string inlined = "flow g(t: { x: i64 }) -> { x: i64 } { return t }\n";
  EXPECT_EQ(Changes(Of(f + g), Of(inlined)), "");
}

TEST(InterfaceTest, OfDimensionsBeforeOthers) {
  const auto flow = [](const std::string& type) {
    return Of("flow f(t: { x: " + type + " }) -> { n: i64 } { return t |> select(n = 1) }");
  };
  EXPECT_EQ(Changes(flow("f32[N]"), flow("f32[..., N]")),
            "compatible table `t`: `x` was `f32[N]`, is `f32[..., N]`\n");
  EXPECT_EQ(Changes(flow("f32[..., N]"), flow("f32[2, N]")),
            "breaking table `t`: `x` was `f32[..., N]`, is `f32[2, N]`\n");
  EXPECT_EQ(Changes(flow("f32[..., 3]"), flow("f32[..., 3]")), "");
}

TEST(InterfaceTest, OfParametersWithoutADefault) {
  const auto params = [](const std::string& text) {
    const testing::Compiled compiled = testing::Compile(
        "edition 1\nparam p: " + text, {.flow = {}, .params = {{"p", "3"}}, .without = {}});
    EXPECT_FALSE(compiled.result.diagnostics.has_errors()) << compiled.Text();
    return InterfaceOf(compiled.result.modules, testing::AllContracts(), {SetParam("p", "3")});
  };
  EXPECT_EQ(Changes(params("i64"), params("i64 in 0..9")),
            "breaking parameter `p` allows less than it did\n");
  EXPECT_EQ(Changes(params("i64"), params("i32")), "breaking parameter `p` was `i64`, is `i32`\n");
}

TEST(InterfaceTest, OfParameters) {
  const auto params = [](const std::string& text) { return Of("param " + text + "\n"); };
  const Interface none = Of("");
  EXPECT_EQ(Changes(none, params("p: i64 = 1")),
            "compatible parameter `p` is new, with a default\n");
  EXPECT_EQ(Changes(params("p: i64 = 1"), none), "breaking parameter `p` is gone\n");
  EXPECT_EQ(Changes(params("p: i64 = 1"), params("p: f32 = 1")),
            "breaking parameter `p` was `i64`, is `f32`\n");
  EXPECT_EQ(Changes(params("p: i64 = 1"), params("p: i64 = 2")),
            "compatible parameter `p` has another default: was `1`, is `2`\n");
  EXPECT_EQ(Changes(params("p: i64 in 0..9 = 1"), params("p: i64 in 0..10 = 1")),
            "compatible parameter `p` allows more than it did\n");
  EXPECT_EQ(Changes(params("p: i64 in 0..9 = 1"), params("p: i64 in [1, 2] = 1")),
            "breaking parameter `p` allows less than it did\n");
  EXPECT_EQ(Changes(params("p: i64 in [1, 2] = 1"), params("p: i64 in 0..9 = 1")),
            "compatible parameter `p` allows more than it did\n");
  EXPECT_EQ(Changes(params("p: i64 in 0..9007199254740993 = 1"),
                    params("p: i64 in 0..9007199254740992 = 1")),
            "breaking parameter `p` allows less than it did\n");
  EXPECT_EQ(Changes(params("p: i64 in [1, 2] = 1"), params("p: i64 = 1")),
            "compatible parameter `p` allows more than it did\n");
  EXPECT_EQ(Changes(params("p: string in [\"a\", \"b\"] = \"a\""),
                    params("p: string in [\"b\", \"a\"] = \"a\"")),
            "");
}

TEST(InterfaceTest, OfPlans) {
  const auto plan = [](const std::string& text) {
    const testing::Compiled compiled = testing::Compile("edition 1\nparam p: i64 = 3\n" + text,
                                                        {.flow = "f", .params = {}, .without = {}});
    EXPECT_TRUE(compiled.result.physical) << compiled.Text();
    return InterfaceOf(*compiled.result.physical);
  };
  const std::string text = "flow f(t: { x: u8[H] }) -> { y: u8[H] } { return t |> select(y = x) }";
  EXPECT_EQ(Changes(plan(text), plan(text)), "");
  EXPECT_EQ(Changes(plan(text), plan("flow f(t: { x: u8[H] }) -> { x: u8[H] } { return t }")),
            "breaking result: `y: u8[H]` is gone\ncompatible result: `x: u8[H]` is new\n");
  EXPECT_EQ(Changes(plan(text), Of(text)), "") << "a plan has no parameters";
}

}  // namespace
}  // namespace raceway::compiler
