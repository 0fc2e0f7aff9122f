#include "compiler/draw/drawing.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "compiler/place/place.h"
#include "compiler/rewrite/optimize.h"
#include "tests/compiler/compiling.h"

namespace raceway::compiler {
namespace {

using Lines = std::vector<std::string>;

Drawing Drawn(const std::string& text) {
  return Draw(Place(Optimize(testing::PlanOf("edition 1\n" + text, "f"))));
}

TEST(WrappedTest, BreaksAtSpacesAndLosesNothing) {
  EXPECT_EQ(Wrapped("one two three", 7), (Lines{"one two", "three"}));
  EXPECT_EQ(Wrapped("one two", 80), (Lines{"one two"}));
  EXPECT_EQ(Wrapped("", 80), Lines{});
}

TEST(WrappedTest, CutsAWordThatIsTooLongBetweenLetters) {
  EXPECT_EQ(Wrapped("äöüäöü", 4), (Lines{"äöüä", "öü"}));
}

TEST(WrappedTest, EndsInAnEllipsisAfterSixLines) {
  EXPECT_EQ(Wrapped("a b c d e f g h", 1), (Lines{"a", "b", "c", "d", "e", "f …"}));
}

TEST(DrawTest, SaysWhichBranchRunsWhen) {
  const Drawing drawing = Drawn(R"(
flow f(t: { x: i64 }) -> { y: i64 } {
  let (a, b) = t |> split(x > 3 and x < 9)
  return union(a |> derive(y = x + 2) |> limit(9), b |> derive(y = x + 1))
})");
  Lines when;
  for (const Arrow& arrow : drawing.arrows) {
    if (!arrow.when.empty()) when.push_back(arrow.when);
  }
  EXPECT_EQ(when, (Lines{"if x > 3 and x < 9", "else"}));
}

TEST(DrawTest, GoesDownThePageWhenLong) {
  EXPECT_FALSE(
      Drawn("flow f(t: { x: i64 }) -> { x: i64 } { return t |> filter(x > 1) }").goes_down);
  std::string text = "flow f(t: { x: i64 }) -> { x: i64 } {\n  let t0 = t\n";
  for (int i = 0; i < 5; ++i) {
    const std::string a = "t" + std::to_string(i);
    const std::string b = "t" + std::to_string(i + 1);
    text +=
        "  let " + b + " = union(" + a + ", " + a + " |> filter(x > " + std::to_string(i) + "))\n";
  }
  EXPECT_TRUE(Drawn(text + "  return t5\n}").goes_down);
}

TEST(DrawTest, ShowsTheDeviceOfAStage) {
  LogicalPlan plan = testing::PlanOf(
      "edition 1\nflow f(t: { x: i64 }) -> { x: i64 } { return t |> filter(x > 1) }", "f");
  plan.stages.front().device = "cuda:0";
  EXPECT_EQ(Draw(plan).boxes[1].note, "cuda:0");
}

TEST(ToDotTest, WritesColumnsOnlyWhenAsked) {
  const Drawing drawing =
      Drawn("flow f(t: { x: i64 }) -> { x: i64 } { return t |> filter(x > 1) }");
  EXPECT_EQ(ToDot(drawing, {.schemas = false}).find("i64"), std::string::npos);
  EXPECT_NE(ToDot(drawing, {.schemas = true}).find("x: i64"), std::string::npos);
}

// Whatever stands in a text or a name, the graph stays a graph.
TEST(ToDotTest, EscapesWhatIsMarkup) {
  const Drawing drawing = Drawn(R"(
flow f(t: { s: string }) -> { s: string } { return t |> filter(s != "<b>\"&#\t`") }
)");
  EXPECT_NE(ToDot(drawing, {}).find("filter s != &quot;&lt;b&gt;\\&quot;&amp;#\\t`&quot;"),
            std::string::npos)
      << ToDot(drawing, {});
  EXPECT_NE(
      ToMermaid(drawing, {}).find("filter s != #quot;#lt;b#gt;\\#quot;#amp;#35;\\t#96;#quot;"),
      std::string::npos)
      << ToMermaid(drawing, {});
}

}  // namespace
}  // namespace raceway::compiler
