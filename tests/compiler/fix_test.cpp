// Edits of diagnostics: what `check --fix` makes of a file, and that it never makes one worse.
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "dsl/fix.h"
#include "tests/compiler/compiling.h"
#include "tests/support/golden.h"

namespace raceway::compiler {
namespace {

dsl::Diagnostics Check(const dsl::Source& source) {
  return testing::Compile(source.text()).result.diagnostics;
}

std::string Fixed(const std::string& text) {
  return dsl::FixAll(dsl::Source("test.flow", text), &Check).text;
}

/// A flow around one step over `id: i64, conf: f32, label: string`.
std::string Around(const std::string& steps) {
  return "edition 1\nflow f(rows: { id: i64, conf: f32, label: string }) -> { id: i64 } {\n"
         "  return rows |> " +
         steps + " |> select(id)\n}\n";
}

TEST(FixTest, WritesWhatTheHelpSays) {
  const std::vector<std::array<std::string, 2>> cases = {
      {"filter(cnof > 0.5)", "filter(conf > 0.5)"},
      {"filtre(conf > 0.5)", "filter(conf > 0.5)"},
      {"where(conf > 0.5)", "filter(conf > 0.5)"},
      {"filter(conf > 0.5 && id > 1)", "filter(conf > 0.5 and id > 1)"},
      {"filter(conf > 0.5&&id > 1)", "filter(conf > 0.5 and id > 1)"},
      {"filter(!(conf > 0.5))", "filter(not (conf > 0.5))"},
      {"filter(label == 'cat')", "filter(label == \"cat\")"},
      {"filter(label == “cat”)", "filter(label == \"cat\")"},
      {"derive(n = lenn(label))", "derive(n = len(label))"},
      {"select(id label)", "select(id, label)"},
      {"derive(n: id + 1)", "derive(n = id + 1)"},
      {"route(id) { 1 -> drop, else => drop }", "route(id) { 1 => drop, else => drop }"},
      {"filter(id <> 1)", "filter(id != 1)"},
      {"filter(id > 1); ", "filter(id > 1) "},
      {"filter(id > 1) | limit(2)", "filter(id > 1) |> limit(2)"},
  };
  for (const auto& [wrong, right] : cases) EXPECT_EQ(Fixed(Around(wrong)), Around(right));
}

TEST(FixTest, WritesItemsAnew) {
  EXPECT_EQ(Fixed("schema A { x: int, y: string }\n"),
            "edition 1\n\nschema A { x: i64, y: string }\n");
  EXPECT_EQ(Fixed("edition 1\n# what\nshcema A { x: float }\n"),
            "edition 1\n// what\nschema A { x: f32 }\n");
  EXPECT_EQ(Fixed("\xEF\xBB\xBFschema A { x: i64 }\n"),
            "\xEF\xBB\xBF"
            "edition 1\n\nschema A { x: i64 }\n");
}

TEST(FixTest, LeavesWhatIsNotSure) {
  for (const std::string steps : {"filter(abc > 0.5)", "derive(a = 7 % 2)", "filter(label > 1)"}) {
    EXPECT_EQ(Fixed(Around(steps)), Around(steps));
  }
}

TEST(FixTest, LeavesAnEditThatDoesNotPay) {
  // `label` is near, and would be wrong as well.
  const std::string text = Around("filter(lable > 0.5)");
  EXPECT_EQ(Fixed(text), text);
}

TEST(FixTest, GoesOnWithWhatComesToLight) {
  EXPECT_EQ(
      Fixed("flow f(rows: { id: i64 }) -> { id: i64 } {\n  return rows |> filtre(ids > 1);\n}\n"),
      "edition 1\n\nflow f(rows: { id: i64 }) -> { id: i64 } {\n"
      "  return rows |> filter(id > 1)\n}\n");
}

TEST(FixTest, SaysWhatItFixedAndWhere) {
  const dsl::FixResult result =
      dsl::FixAll(dsl::Source("test.flow", Around("filter(cnof > 0.5)")), &Check);
  ASSERT_EQ(result.fixed.size(), 1u);
  EXPECT_EQ(result.fixed.front().message, "no column `cnof` here");
  EXPECT_EQ(result.places.front().line, 3);
  EXPECT_EQ(result.places.front().column, 25);
}

// --- over all that is wrong in golden files ---

std::array<size_t, 3> Weights(const dsl::Diagnostics& diagnostics) {
  std::array<size_t, 3> weights{};
  for (const dsl::Diagnostic& diagnostic : diagnostics.Sorted()) {
    const dsl::DiagnosticInfo& info = dsl::InfoOf(diagnostic.kind);
    const bool is_syntax = info.code.starts_with("E00") || info.code.starts_with("E01");
    ++weights[info.severity != dsl::Severity::kError ? 2 : is_syntax ? 0 : 1];
  }
  return weights;
}

std::vector<std::string> WrongFlows() {
  std::vector<std::string> flows;
  for (const std::string section : {"parse", "check", "compile"}) {
    for (const std::string& file : tests::GoldenFiles("tests/flows/diagnostics", section)) {
      flows.push_back(tests::GoldenFlow(file));
    }
  }
  return flows;
}

TEST(FixTest, NeverMakesAFileWorse) {
  size_t num_fixed = 0;
  for (const std::string& flow : WrongFlows()) {
    const dsl::Source source("test.flow", flow);
    const auto before = Weights(Check(source));
    const dsl::FixResult result = dsl::FixAll(source, &Check);
    num_fixed += result.fixed.size();
    const auto after = Weights(Check(dsl::Source("test.flow", result.text)));
    EXPECT_LE(after, before) << result.text;
    EXPECT_EQ(after < before, !result.fixed.empty()) << result.text;
    EXPECT_EQ(result.text == flow, result.fixed.empty()) << result.text;
    EXPECT_EQ(Fixed(result.text), result.text) << "more to fix in\n" << result.text;
  }
  EXPECT_GT(num_fixed, 20u);
}

// Each edit alone, whether it pays or not, lies in the text and does what it says.
TEST(FixTest, EveryEditLiesInTheText) {
  for (const std::string& flow : WrongFlows()) {
    const dsl::Source source("test.flow", flow);
    for (const dsl::Diagnostic& diagnostic : Check(source).Sorted()) {
      if (diagnostic.where.begin > source.end()) continue;  // of an imported file
      EXPECT_TRUE(diagnostic.edits.empty() || !diagnostic.help.empty()) << diagnostic.message;
      for (const dsl::TextEdit& edit : diagnostic.edits) {
        EXPECT_GE(edit.range.begin, 0);
        EXPECT_LE(edit.range.begin, edit.range.end);
        EXPECT_LE(edit.range.end, source.end());
        EXPECT_NE(source.Text(edit.range), edit.replacement) << diagnostic.message;
      }
    }
  }
}

}  // namespace
}  // namespace raceway::compiler
