// Dimensions in a plan that is written to a file.
#include <gtest/gtest.h>

#include <string>

#include "engine/plan/physical_plan.h"
#include "tests/compiler/compiling.h"

namespace raceway::compiler {
namespace {

/// Symbols of the signature, of results that nobody knows before, of flows inside, in expressions
/// of every depth, in a branch; formulas, and a size that rows are checked for.
constexpr char kFlow[] = R"(edition 1

schema Row { image: bytes, a: f32[N], b: f32[N * 2], c: f32[M] }

fn decode(image: bytes) -> (px: u8[H, W, 3]) { native: "image.decode" }
model half(v: f32[K]) -> (w: f32[K / 2]) { source: "half.pt" }
model quarter(w: f32[4]) -> (q: f32) { source: "quarter.pt" }

flow doubled(rows: { a: f32[N], ... }) -> { ..., a: f32[N], d: f32[N] } {
  return rows |> derive(d = a * 2.0)
}

flow all(rows: Row) -> { d: f32[N], b: f32[N * 2], s: i64, m: f32, q: f32 } {
  return rows
    |> map(decode) |> filter(max(b * 2.0) > 0.0)
    |> map(half, v: c, on_error: drop)
    |> doubled rescue derive(d = a)
    |> map(quarter)
    |> derive(s = px.shape[0], m = max(d + a))
    |> select(d, b, s, m, q)
}
)";

std::string Json() {
  const testing::Compiled compiled =
      testing::Compile(kFlow, {.flow = "all", .params = {}, .without = {}});
  return compiled.result.physical ? ToJson(*compiled.result.physical) : compiled.Text();
}

TEST(PlanDimsTest, AreNamedAsInTheTextEverywhere) {
  const std::string json = Json();
  EXPECT_NE(json.find("f32[N*2]"), std::string::npos) << json;
  // What symbols are marked with while a flow is checked.
  EXPECT_EQ(json.find_first_of("#!?"), std::string::npos) << json;
}

TEST(PlanDimsTest, AreTheSameWhenReadAgain) {
  const std::string json = Json();
  const engine::Result<engine::PhysicalPlan> read = engine::PlanFromJson(json);
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(ToJson(*read), json);
}

}  // namespace
}  // namespace raceway::compiler
