#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "dsl/diagnostic.h"

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
    "notes": [], "help": ""})"));
  EXPECT_EQ(json[1]["severity"], "warning");
  EXPECT_EQ(json[1]["notes"][0]["end_column"], 2);
  EXPECT_EQ(RenderJson({}, source), "[]\n");
}

}  // namespace
}  // namespace raceway::dsl
