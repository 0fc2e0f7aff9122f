#include "compiler/compile.h"

#include <gtest/gtest.h>

#include <ctime>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>

#include "tests/compiler/compiling.h"
#include "tests/support/golden.h"

namespace raceway::compiler {
namespace {

std::string Lines(const std::string& text) { return testing::Compile(text).Lines(); }

// --- which flow is meant ---

std::string Select(const std::string& text, const std::optional<std::string>& name,
                   const std::string& stem) {
  const engine::Result<std::string> flow =
      SelectFlow(dsl::Parse(dsl::Source("test.flow", text)).file, name, stem);
  return flow.ok() ? "flow " + *flow : flow.error().message;
}

constexpr char kOne[] = "edition 1\nflow a(t: { x: i64 }) -> { x: i64 } { return t }\n";
constexpr char kTwo[] =
    "edition 1\nflow cat(t: { x: i64 }) -> { x: i64 } { return t }\n"
    "flow dog(t: { x: i64 }) -> { x: i64 } { return t }\n";

TEST(SelectFlowTest, TakesTheOneNamed) {
  EXPECT_EQ(Select(kOne, "a", "b"), "flow a");
  EXPECT_EQ(Select(kTwo, "dog", "cat"), "flow dog");
}

TEST(SelectFlowTest, TakesTheOnlyOne) { EXPECT_EQ(Select(kOne, {}, "b"), "flow a"); }

TEST(SelectFlowTest, DoesNotCountPrivateFlows) {
  const std::string flow = "(t: { x: i64 }) -> { x: i64 } { return t }\n";
  EXPECT_EQ(Select("flow _h" + flow + "flow a" + flow + "flow _i" + flow, {}, "b"), "flow a");
  EXPECT_EQ(Select("flow _h" + flow, {}, "b"), "flow _h");
}

TEST(SelectFlowTest, TakesTheOneNamedLikeTheFile) {
  EXPECT_EQ(Select(kTwo, {}, "dog"), "flow dog");
}

TEST(SelectFlowTest, ListsWhatThereIs) {
  EXPECT_EQ(Select(kTwo, {}, "bird"), "say which flow is meant; the file has: cat, dog");
  EXPECT_EQ(Select(kTwo, "dg", "cat"), "no flow `dg`; the file has: cat, dog");
  EXPECT_EQ(Select(kTwo, "dgo", "cat"),
            "no flow `dgo`, did you mean `dog`?; the file has: cat, dog");
}

TEST(SelectFlowTest, SaysThatThereIsNone) {
  EXPECT_EQ(Select("edition 1\n", {}, "a"), "the file has no flow");
  EXPECT_EQ(Select("edition 1\n", "a", "a"), "the file has no flow");
}

// --- editions ---

TEST(EditionTest, MissingIsAWarning) {
  const testing::Compiled compiled =
      testing::Compile("flow f(t: { x: i64 }) -> { x: i64 } { return t }\n",
                       {.flow = "f", .params = {}, .without = {}});
  EXPECT_EQ(compiled.Lines(), "1:1 E0602 the file does not say its edition; read as edition 1\n");
  EXPECT_TRUE(compiled.result.physical);
}

TEST(EditionTest, UnknownIsAnError) {
  EXPECT_EQ(Lines("edition 0\n"),
            "1:1 E0601 edition 0 is not known to this release; the newest is 1\n");
  EXPECT_EQ(Lines("edition 2\n"),
            "1:1 E0601 edition 2 is not known to this release; the newest is 1\n");
}

TEST(EditionTest, AnEmptyFileIsFine) { EXPECT_EQ(Lines("edition 1\n"), ""); }

// --- one message for one mistake ---

TEST(OneMistakeTest, AWrongColumnPoisonsWhatIsMadeOfIt) {
  EXPECT_EQ(Lines(R"(edition 1
model m(x: f32) -> (y: f32) { source: "m.pt" }
flow f(t: { a: f32 }) -> { y: f32, z: f32 } {
  let b = t |> derive(x = aa + 1.0, z = 2.0)
  let c = b |> derive(w = exp(x) + z) |> map(m)
  let (d, e) = c |> split(w > z)
  return union(d |> filter(y > 0.5), e)
}
)"),
            "4:27 E0203 no column `aa` here\n");
}

TEST(OneMistakeTest, AWrongDeclarationPoisonsItsUses) {
  EXPECT_EQ(Lines(R"(edition 1
schema Row { x: flt }
param limit: i64 = "ten"
model m(x: f32) -> (y: f23) { source: "m.pt" }
fn d(image: bytes) -> (px: u8[H, W, 3]) { native: "image.decoed" }
flow inner(t: Row) -> Row { return t }
flow f(t: { x: f32, image: bytes }) -> Row {
  let a = t |> map(m) |> filter(y > 0.5)
  let b = t |> map(d) |> omit(px)
  let c = t |> filter(x > limit)
  let e = t |> inner |> filter(nothing)
  return union(a, b, c, e)
}
)"),
            "2:17 E0201 no type `flt`\n"
            "3:20 E0301 wanted i64, found `\"ten\"`\n"
            "4:24 E0201 no type `f23`\n"
            "5:51 E0201 no native function `image.decoed`\n");
}

TEST(OneMistakeTest, AFlowWithAMistakePoisonsThoseThatApplyIt) {
  EXPECT_EQ(Lines(R"(edition 1
flow outer(t: { x: i64 }) -> { y: i64 } { return t |> middle }
flow middle(t: { x: i64 }) -> { y: i64 } { return t |> inner |> filter(y > 1) }
flow inner(t: { x: i64 }) -> { y: i64 } { return t |> derive(y = xx) }
)"),
            "4:66 E0203 no column `xx` here\n");
}

TEST(OneMistakeTest, ASyntaxErrorDoesNotMakeItsNamesUnknown) {
  EXPECT_EQ(Lines(R"(edition 1
schema Row { x: i64 y z }
param limit: i64 = = 3
model m(x: i64) -> (y: i64) { source "m.pt" }
fn d(x: i64 -> (z: i64) { native: "labels.lookup" }
flow inner(t: Row) -> Row { return return t }
flow f(t: Row) -> Row { return t |> map(m) |> map(d) |> inner |> filter(x > limit) }
flow g(t: { x: i64 }) -> { x: i64 } { return t |> filter(x > limit) |> map(m) |> select(x) }
)"),
            "2:23 E0101 expected `:`, found `z`\n"
            "3:20 E0101 expected an expression, found `=`\n"
            "4:38 E0101 expected `:` or `{`, found `\"m.pt\"`\n"
            "5:5 E0102 this `(` is never closed\n"
            "6:36 E0101 expected an expression, found `return`\n");
}

TEST(OneMistakeTest, ASyntaxErrorDoesNotHideOtherMistakes) {
  EXPECT_EQ(Lines(R"(edition 1
schema Row { x: i64, y z }
flow f(t: { x: i64 }) -> { x: i64 } { return t |> filter(xx > 3) |> nothing }
flow g(t: { x: i64 }) -> { x: i64 } { return t |> nothing }
)"),
            "2:24 E0101 expected `:`, found `z`\n"
            "3:58 E0203 no column `xx` here\n"
            "4:51 E0201 no operator or flow `nothing`\n");
}

TEST(OneMistakeTest, MutualRecursionIsReportedOnce) {
  constexpr char text[] = R"(edition 1
flow user(t: { x: i64 }) -> { x: i64 } { return t |> a }
flow a(t: { x: i64 }) -> { x: i64 } { return t |> b }
flow b(t: { x: i64 }) -> { x: i64 } { return t |> c |> c }
flow c(t: { x: i64 }) -> { x: i64 } { return a(t) }
flow fine(t: { x: i64 }) -> { x: i64 } { return t }
)";
  EXPECT_EQ(Lines(text), "5:46 E0403 flow `a` applies itself: a → b → c → a\n");
}

// --- flows applied ---

TEST(ApplyFlowTest, SaysWhatTheSignatureLeftOpen) {
  EXPECT_EQ(
      testing::Compile(R"(edition 1
model m(x: f32[5]) -> (y: f32[5]) { source: "m.pt" }
flow outer(t: { x: f32[7] }) -> { y: f32[5] } { return t |> middle }
flow middle(t: { x: f32[_] }) -> { y: f32[5] } { return t |> inner }
flow inner(rows: { x: f32[_] }) -> { y: f32[5] } { return rows |> map(m) |> select(y) }
)")
          .Text(),
      "error[E0302]: `middle` does not take these rows: `inner` does not take these rows: `m` "
      "wants `x: f32[5]`, this row has `x: f32[7]` (dimension 1: wanted 5, found 7)\n"
      " --> test.flow:3:61\n"
      "  |\n"
      "3 | flow outer(t: { x: f32[7] }) -> { y: f32[5] } { return t |> middle }\n"
      "  |                                                             ^^^^^^\n"
      "4 | flow middle(t: { x: f32[_] }) -> { y: f32[5] } { return t |> inner }\n"
      "  |                                                              ----- in here\n");
}

TEST(ApplyFlowTest, AWholeFlowOfManyStagesIsFine) {
  std::string text =
      "edition 1\nflow f0(t: { x: i64 }) -> { x: i64 } { return t |> filter(x > 1) }\n";
  for (int i = 1; i <= 6; ++i) {
    const std::string before = "f" + std::to_string(i - 1);
    text += "flow f" + std::to_string(i) + "(t: { x: i64 }) -> { x: i64 } { return t |> " + before +
            " |> " + before + " }\n";
  }
  const testing::Compiled compiled =
      testing::Compile(text, {.flow = "f6", .params = {}, .without = {}});
  ASSERT_TRUE(compiled.result.optimized) << compiled.Text();
  EXPECT_EQ(compiled.result.logical->stages.size(), 64u);
  EXPECT_EQ(compiled.result.optimized->stages.size(), 1u);
}

// A short text that means 2^40 stages ends soon and says so.
TEST(ApplyFlowTest, APlanHasALimit) {
  std::string text =
      "edition 1\nflow f0(t: { x: i64 }) -> { x: i64 } { return t |> filter(x > 1) }\n";
  for (int i = 1; i <= 40; ++i) {
    const std::string before = "f" + std::to_string(i - 1);
    text += "flow f" + std::to_string(i) + "(t: { x: i64 }) -> { x: i64 } { return t |> " + before +
            " |> " + before + " }\n";
  }
  EXPECT_EQ(Lines(text),
            "16:60 E0401 with the flows it applies this is a plan of more than 10000 stages\n");
}

TEST(ApplyFlowTest, AFlowThatTakesMoreCannotBeRunItself) {
  const CompileOptions options{.flow = "f", .params = {}, .without = {}};
  EXPECT_EQ(testing::Compile("edition 1\nflow f(t: { x: i64, ... }) -> { x: i64 } { return t }\n",
                             options)
                .Lines(),
            "2:7 E0301 a flow with `...` can be applied by others, not run itself\n");
}

// --- diagnostics ---

TEST(DiagnosticsTest, AreInTheOrderOfTheText) {
  EXPECT_EQ(Lines(R"(edition 1
flow f(t: Row) -> Row { return t |> filter(b > 1) |> filter(c > 1) }
flow g(t: Row) -> Row { return t |> filter(d) }
schema Row { x: i46 }
flow h(t: { x: i64 }) -> { x: i64 } { return t |> derive(y = q, z = p) }
param p: i64 = "a"
)"),
            "4:17 E0201 no type `i46`\n"
            "5:62 E0203 no column `q` here\n"
            "6:16 E0301 wanted i64, found `\"a\"`\n");
}

TEST(DiagnosticsTest, OnlyMissingFilesAreMissingFiles) {
  const CompileOptions options{.flow = "f", .params = {}, .without = {}};
  const std::string missing = R"(edition 1
model m(x: f32) -> (y: f32) { source: "missing/m.pt" }
flow f(t: { x: f32 }) -> { y: f32 } { return t |> map(m) }
)";
  const testing::Compiled compiled = testing::Compile(missing, options);
  EXPECT_TRUE(compiled.result.is_file_missing);
  EXPECT_TRUE(compiled.result.physical) << "to be shown all the same";
  const testing::Compiled wrong =
      testing::Compile(missing + "flow g(t: Row) -> Row { return t }\n", options);
  EXPECT_FALSE(wrong.result.is_file_missing);
  EXPECT_FALSE(wrong.result.physical);
  EXPECT_EQ(wrong.Lines(), "4:11 E0201 no schema `Row`\n4:19 E0201 no schema `Row`\n");
}

// A file without errors has a plan, and one with errors none: never neither.
TEST(DiagnosticsTest, NoPlanWithoutAWord) {
  for (const std::string folder : {"tests/flows/diagnostics", "tests/flows/plans"}) {
    for (const std::string section : {"check", "compile", "optimized", "parse"}) {
      for (const std::string& file : tests::GoldenFiles(folder, section)) {
        const std::string text = tests::GoldenFlow(file);
        const dsl::ParseResult parsed = dsl::Parse(dsl::Source(file, text));
        for (const dsl::ast::Item& item : parsed.file.items) {
          const auto* flow = std::get_if<dsl::ast::FlowDecl>(&item);
          if (flow == nullptr) continue;
          const testing::Compiled compiled =
              testing::Compile(text, {.flow = flow->name.text, .params = {}, .without = {}});
          EXPECT_EQ(compiled.result.diagnostics.has_errors_of_flows(),
                    !compiled.result.physical || compiled.result.is_file_missing)
              << file << ", flow " << flow->name.text;
        }
      }
    }
  }
}

// --- determinism and speed ---

TEST(CompileTest, MakesTheSameBytesTwice) {
  for (const std::string& file : tests::GoldenFiles("tests/flows/plans", "optimized")) {
    const std::string text = tests::GoldenFlow(file);
    for (const dsl::ast::Item& item : dsl::Parse(dsl::Source(file, text)).file.items) {
      const auto* flow = std::get_if<dsl::ast::FlowDecl>(&item);
      if (flow == nullptr) continue;
      const CompileOptions options{.flow = flow->name.text, .params = {}, .without = {}};
      const testing::Compiled first = testing::Compile(text, options, "a/one.flow");
      const testing::Compiled second = testing::Compile(text, options, "/b/one.flow");
      if (!first.result.physical) continue;
      const std::string json = engine::ToJson(*first.result.physical);
      EXPECT_EQ(json, engine::ToJson(*second.result.physical)) << file;
      // And it reads back as the same plan, which the engine could build.
      const engine::Result<engine::PhysicalPlan> read = engine::PlanFromJson(json);
      ASSERT_TRUE(read.ok()) << read.error().Text();
      EXPECT_EQ(*read, *first.result.physical) << file;
      const engine::Status valid = engine::Validate(*read);
      EXPECT_TRUE(valid.ok()) << file << ": " << valid.error().message;
    }
  }
}

TEST(CompileTest, IsQuick) {
  std::string text =
      "edition 1\nflow f(t: { x: i64, a: f32 }) -> { x: i64, a: f32 } {\n  return t\n";
  for (int i = 0; i < 50; ++i) {
    const std::string n = std::to_string(i);
    text += "    |> derive(y" + n + " = x + " + n + ", a = a * 2.0)\n";
    text += "    |> filter(y" + n + " > " + n + ")\n";
  }
  text += "}\n";
  std::clock_t best = std::numeric_limits<std::clock_t>::max();
  for (int i = 0; i < 5; ++i) {
    const std::clock_t begin = std::clock();  // of this process: the machine may be busy
    const testing::Compiled compiled =
        testing::Compile(text, {.flow = "f", .params = {}, .without = {}});
    best = std::min(best, std::clock() - begin);
    ASSERT_TRUE(compiled.result.physical) << compiled.Text();
    ASSERT_EQ(compiled.result.logical->stages.size(), 100u);
  }
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "a sanitizer takes its own time";
#endif
  EXPECT_LT(best, CLOCKS_PER_SEC / 10);
}

// The largest plan there may be takes seconds, not minutes.
TEST(CompileTest, EndsWithManyStages) {
  std::string text = "edition 1\nflow f(t: { x: i64 }) -> { x: i64 } {\n  return t\n";
  for (int i = 0; i < 4000; ++i) text += "    |> filter(x > " + std::to_string(i) + ")\n";
  text += "}\n";
  const testing::Compiled compiled =
      testing::Compile(text, {.flow = "f", .params = {}, .without = {}});
  ASSERT_TRUE(compiled.result.physical) << compiled.Text();
  EXPECT_EQ(compiled.result.optimized->stages.size(), 1u);
}

TEST(CompileTest, TheCascadesGoldenFileHoldsTheExample) {
  std::ifstream example("examples/image_cascade.flow");
  const std::string text(std::istreambuf_iterator<char>(example), {});
  EXPECT_EQ(tests::GoldenFlow("tests/flows/plans/image-cascade.golden"), text);
}

}  // namespace
}  // namespace raceway::compiler
