// The law of hints: without them a flow has the same plan.
#include <gtest/gtest.h>

#include <string>

#include "compiler/plan/explain.h"
#include "tests/compiler/compiling.h"

namespace raceway::compiler {
namespace {

/// `text` without what stands between `«` and `»`, or with it.
std::string Text(std::string text, bool with_hints) {
  constexpr std::string_view kOpen = "«";
  constexpr std::string_view kClose = "»";
  for (size_t begin = 0; (begin = text.find(kOpen)) != std::string::npos;) {
    const size_t end = text.find(kClose, begin);
    const std::string hint = text.substr(begin + kOpen.size(), end - begin - kOpen.size());
    text.replace(begin, end + kClose.size() - begin,
                 with_hints ? hint : std::string(hint.size(), ' '));
  }
  return text;
}

constexpr char kFlow[] = R"(edition 1
«defaults { prewarm { policy: adaptive, horizon: 2min, keep: 5s..60s } resources { cpu: 1..8 } }»
schema Row { id: i64, x: f32[4] }
model small(x: f32[4]) -> (y: f32) {
  source: "small.pt"
  «batch { max: 32, wait: 4ms } load { priority: high } device: gpu »
}
model big(x: f32[4]) -> (y: f32) { source: "big.pt" «, prewarm { policy: always }» }
fn name(id: i64) -> (label: string) { native: "labels.lookup", file: "names.txt" «batch { max: 8 }» }
flow inner(rows: { x: f32[4], ... }) -> { x: f32[4], ..., y: f32 } «with { place { device: gpu } }» {
  return rows «with { fuse { never: true } }» |> map(small) «with { compete { replicas: 3, after: p90 } }»
}
flow f(rows: Row) -> { id: i64, y: f32, label: string } «with { slo { p99: 60ms, minimise: cost } }» {
  let (sure, unsure) = rows |> inner «with { slo { p50: 1ms } }» |> split(y > 0.5) «with { batch { max: 4 } }»
  return union(sure «with { batch { max: 4 } }», unsure |> omit(y) |> map(big) «with { batch { max: 4 } }»)
    «with { place { near: rows } }» |> map(name) |> filter(id > 3) «with { fuse { never: true } }»
    |> select(id, y, label) «with { resources { memory: 512MiB..8GiB } }»
}
)";

TEST(HintsTest, DoNotChangeThePlan) {
  const CompileOptions options{.flow = "f", .params = {}, .without = {}};
  const testing::Compiled with = testing::Compile(Text(kFlow, true), options);
  const testing::Compiled without = testing::Compile(Text(kFlow, false), options);
  ASSERT_TRUE(with.result.physical) << with.Text();
  ASSERT_TRUE(without.result.physical) << without.Text();
  EXPECT_EQ(Explain(*with.result.logical), Explain(*without.result.logical));
  EXPECT_EQ(Explain(*with.result.optimized), Explain(*without.result.optimized));
  // Spaces stand where hints stood, so that places in the text are the same too.
  EXPECT_EQ(engine::ToJson(*with.result.physical), engine::ToJson(*without.result.physical));
}

TEST(HintsTest, AreEachRemarkedOnce) {
  const testing::Compiled checked = testing::Compile(Text(kFlow, true));
  const testing::Compiled planned =
      testing::Compile(Text(kFlow, true), {.flow = "f", .params = {}, .without = {}});
  EXPECT_FALSE(checked.result.diagnostics.has_errors()) << checked.Text();
  EXPECT_EQ(checked.result.diagnostics.Sorted().size(), 18u) << checked.Lines();
  EXPECT_EQ(planned.Lines(), checked.Lines());
  EXPECT_EQ(testing::Compile(Text(kFlow, false)).Lines(), "");
}

}  // namespace
}  // namespace raceway::compiler
