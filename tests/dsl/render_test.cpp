#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "dsl/diagnostic.h"
#include "dsl/parse.h"
#include "dsl/print.h"

namespace raceway::dsl {
namespace {

// The diagnostic of a test: points at `what` in the text.
Diagnostics PointAt(const Source& source, const std::string& what) {
  Diagnostics diagnostics;
  const int32_t begin = static_cast<int32_t>(source.text().find(what));
  diagnostics.Add(DiagnosticKind::kUnknownColumn,
                  {begin, begin + static_cast<int32_t>(what.size())}, "no column `x`");
  return diagnostics;
}

TEST(RenderTest, ShowsCauseAndHelpUnderTheirLines) {
  const Source source("a.flow", "one\ntwo\nlet x = 3\n");
  Diagnostics diagnostics;
  Diagnostic& error = diagnostics.Add(DiagnosticKind::kDuplicateName, {12, 13}, "`x` is taken");
  error.notes.push_back({{0, 3}, "here"});
  error.notes.push_back({{16, 17}, "and here"});
  error.help = "take `y`";
  EXPECT_EQ(Render(diagnostics, source),
            "error[E0202]: `x` is taken\n"
            " --> a.flow:3:5\n"
            "  |\n"
            "1 | one\n"
            "  | --- here\n"
            "3 | let x = 3\n"
            "  |     ^\n"
            "  |         - and here\n"
            "help: take `y`\n");
}

TEST(RenderTest, WideCharactersAndTabsKeepTheCaretInPlace) {
  const Source source("a.flow", "\t温度 é: x\n");
  EXPECT_EQ(Render(PointAt(source, "x"), source),
            "error[E0203]: no column `x`\n"
            " --> a.flow:1:8\n"
            "  |\n"
            "1 |     温度 é: x\n"
            "  |             ^\n");
}

TEST(RenderTest, ARangeOfSeveralLinesIsMarkedInItsFirst) {
  const Source source("a.flow", "let (a\n  b)\n");
  EXPECT_EQ(Render(PointAt(source, "(a\n  b)"), source),
            "error[E0203]: no column `x`\n"
            " --> a.flow:1:5\n"
            "  |\n"
            "1 | let (a\n"
            "  |     ^^\n");
}

TEST(RenderTest, APlaceAtTheEndOfTheFileIsShown) {
  const Source source("a.flow", "ab\n");
  Diagnostics diagnostics;
  diagnostics.Add(DiagnosticKind::kSyntaxError, {3, 3}, "more is missing");
  EXPECT_EQ(Render(diagnostics, source),
            "error[E0101]: more is missing\n"
            " --> a.flow:2:1\n"
            "  |\n"
            "2 |\n"
            "  | ^\n");
}

TEST(RenderTest, ControlCharactersDoNotReachTheTerminal) {
  const Source source("a.flow", "a\x1b[31m x\xff\n");
  const std::string text = Render(PointAt(source, "x"), source);
  EXPECT_NE(text.find("1 | a\uFFFD[31m x\uFFFD\n"), std::string::npos) << text;
  EXPECT_NE(text.find("  |        ^\n"), std::string::npos) << text;
}

TEST(RenderTest, OfALongLineOnlyAPartIsShown) {
  const Source source("a.flow", std::string(5000, 'a') + "x" + std::string(5000, 'a'));
  const std::string text = Render(PointAt(source, "x"), source);
  EXPECT_LT(text.size(), 500u);
  EXPECT_NE(text.find("axa"), std::string::npos);
}

TEST(RenderTest, AfterTheLimitOnlyTheirNumberIsGiven) {
  const Source source("a.flow", std::string(30, 'a'));
  Diagnostics diagnostics;
  for (int32_t i = 0; i < 22; ++i) {
    diagnostics.Add(DiagnosticKind::kSyntaxError, {i, i + 1}, "wrong");
  }
  const std::string text = Render(diagnostics, source);
  EXPECT_TRUE(text.ends_with("\nand 2 more errors\n")) << text;
  EXPECT_EQ(Render(diagnostics, source, {.max_errors = 30}).find("more"), std::string::npos);
}

TEST(RenderTest, ColoursOnlyIfAsked) {
  const Source source("a.flow", "x");
  EXPECT_EQ(Render(PointAt(source, "x"), source).find('\x1b'), std::string::npos);
  EXPECT_NE(Render(PointAt(source, "x"), source, {.color = true}).find("\x1b[1;31m"),
            std::string::npos);
}

/// Two files with a mistake in the first and its cause in the second.
struct TwoFiles {
  SourceSet sources = Source("flows/a.flow", "one\ntwo\n");
  Diagnostics diagnostics;

  TwoFiles() {
    const Source& lib = sources.Add({"flows/lib/b.flow", "x\nyy z\n", sources.NextBase()});
    const int32_t z = lib.LineStart(2) + 3;
    Diagnostic& error = diagnostics.Add(DiagnosticKind::kTypeMismatch, {4, 7}, "no");
    error.notes.push_back({{z, z + 1}, "for this"});
    error.notes.push_back({{0, 3}, "and this"});
    diagnostics.Add(DiagnosticKind::kUnknownName, {lib.end(), lib.end()}, "at the end");
  }
};

TEST(RenderTest, APlaceInAnotherFileIsShownWithItsName) {
  const TwoFiles two;
  EXPECT_EQ(Render(two.diagnostics, two.sources),
            "error[E0301]: no\n"
            " --> flows/a.flow:2:1\n"
            "  |\n"
            "1 | one\n"
            "  | --- and this\n"
            "2 | two\n"
            "  | ^^^\n"
            " ::: flows/lib/b.flow:2:4\n"
            "  |\n"
            "2 | yy z\n"
            "  |    - for this\n"
            "\n"
            "error[E0201]: at the end\n"
            " --> flows/lib/b.flow:3:1\n"
            "  |\n"
            "3 |\n"
            "  | ^\n");
}

TEST(RenderJsonTest, EachPlaceHasItsFile) {
  const TwoFiles two;
  const auto json = nlohmann::json::parse(RenderJson(two.diagnostics, two.sources));
  EXPECT_EQ(json[0]["file"], "flows/a.flow");
  EXPECT_EQ(json[0]["notes"][0]["file"], "flows/lib/b.flow");
  EXPECT_EQ(json[0]["notes"][0]["line"], 2);
  EXPECT_EQ(json[0]["notes"][1]["file"], "flows/a.flow");
  EXPECT_EQ(json[1]["file"], "flows/lib/b.flow");
}

TEST(SourceSetTest, FindsTheFileOfAnOffset) {
  SourceSet sources = Source("a", "12345");
  EXPECT_EQ(sources.Add({"empty", "", sources.NextBase()}).base(), 6);
  EXPECT_EQ(sources.Add({"b", "x", sources.NextBase()}).base(), 7);
  std::string found;
  for (int32_t offset = 0; offset < 9; ++offset) found += sources.Of(offset).name() + " ";
  EXPECT_EQ(found, "a a a a a a empty b b ");
  EXPECT_EQ(SourceSet(Source("c", "x")).Of(100).name(), "c");
}

// The same text at another base has the same tree and the same mistakes, moved.
TEST(SourceSetTest, AFileParsesAlikeAtAnyBase) {
  const std::string text =
      "\xEF\xBB\xBF/* é */ edition 1\n/// doc\nflow f(t: Row) -> Row && {\n"
      "  return t |> derive(a = f\"{x + 'y'} {}\")\n}\nmodle m(x: i64) -> (y: i64) { source: "
      "\"m\\q\" }\n"
      "schema S { x i64 }\n";
  const Source at_zero("a.flow", text);
  SourceSet sources = Source("main.flow", "edition 1\n");
  const Source& moved = sources.Add({"a.flow", text, sources.NextBase()});
  const ParseResult expected = Parse(at_zero);
  const ParseResult found = Parse(moved);
  EXPECT_EQ(PrintSyntax(found.file), PrintSyntax(expected.file));
  EXPECT_EQ(Render(found.diagnostics, sources), Render(expected.diagnostics, at_zero));
  EXPECT_EQ(found.file.edition_range.begin - moved.base(), expected.file.edition_range.begin);
}

TEST(RenderJsonTest, QuotesWhatItMust) {
  const Source source("a \"b\".flow", "x");
  Diagnostics diagnostics;
  diagnostics.Add(DiagnosticKind::kSyntaxError, {0, 1}, "é \"q\" \\ \n\t\x01 \xff.").help = "温";
  const auto json = nlohmann::json::parse(RenderJson(diagnostics, source));
  EXPECT_EQ(json[0]["message"], "é \"q\" \\ \n\t\x01 \uFFFD.");
  EXPECT_EQ(json[0]["file"], "a \"b\".flow");
  EXPECT_EQ(json[0]["help"], "温");
}

TEST(RenderJsonTest, HasPlacesInCodePoints) {
  const Source source("a.flow", "é x\n");
  Diagnostics diagnostics = PointAt(source, "x");
  diagnostics.Add(DiagnosticKind::kUnusedTable, {4, 5}, "bad byte \xff")
      .notes.push_back({{0, 2}, "here"});
  const auto json = nlohmann::json::parse(RenderJson(diagnostics, source));
  ASSERT_EQ(json.size(), 2u);
  EXPECT_EQ(json[0], nlohmann::json::parse(R"({
    "code": "E0203", "name": "unknown-column", "severity": "error", "message": "no column `x`",
    "file": "a.flow", "line": 1, "column": 3, "end_line": 1, "end_column": 4,
    "notes": [], "help": "", "edits": []})"));
  EXPECT_EQ(json[1]["severity"], "warning");
  EXPECT_EQ(json[1]["notes"][0]["end_column"], 2);
  EXPECT_EQ(RenderJson({}, source), "[]\n");
}

}  // namespace
}  // namespace raceway::dsl
