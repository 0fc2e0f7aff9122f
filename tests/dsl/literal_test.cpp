#include "dsl/literal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "dsl/parse.h"

namespace raceway::dsl {
namespace {

using testing::ElementsAre;

TEST(IntValueTest, ReadsDecimalAndHexadecimalUpToTheGreatest) {
  EXPECT_EQ(IntValue("1_000"), 1000);
  EXPECT_EQ(IntValue("0xFF_ff"), 65535);
  EXPECT_EQ(IntValue("9223372036854775807"), INT64_MAX);
  EXPECT_EQ(IntValue("9223372036854775808"), std::nullopt);
  EXPECT_EQ(IntValue("12a"), std::nullopt);
}

TEST(FloatValueTest, ReadsWhatFits) {
  EXPECT_EQ(FloatValue("2.5e-3"), 0.0025);
  EXPECT_EQ(FloatValue("1_000.5"), 1000.5);
  EXPECT_EQ(FloatValue("1e999"), std::nullopt);
}

TEST(UnescapeTest, ResolvesEscapesAndLeavesTheRest) {
  EXPECT_EQ(Unescape(R"(a\n\t\r\"\\\u{e9}\u{1F600})"), "a\n\t\r\"\\é😀");
  EXPECT_EQ(Unescape(R"(\q \u{110000} \u{d800})"), R"(\q \u{110000} \u{d800})");
  EXPECT_EQ(Unescape("end\\"), "end\\");
}

TEST(CheckEscapesTest, PointsAtEach) {
  const std::vector<LiteralError> errors = CheckEscapes(R"(ok\n \q \é)");
  ASSERT_EQ(errors.size(), 2u);
  EXPECT_EQ(errors[0].where, (SourceRange{5, 7}));
  EXPECT_EQ(errors[1].message, "unknown escape `\\é`");
}

TEST(DedentTest, TakesAwayTheIndentationAllLinesShare) {
  EXPECT_EQ(Dedent("one line"), "one line");
  EXPECT_EQ(Dedent(""), "");
  EXPECT_EQ(Dedent("\n    a\n      b\n\n    c\n  "), "a\n  b\n\nc");
  EXPECT_EQ(Dedent("\r\n  a\r\n  b\r\n"), "a\nb");
  EXPECT_EQ(Dedent("a\n    b\n      c"), "a\nb\n  c");
}

TEST(FindHolesTest, KnowsNestingStringsAndDoubledBraces) {
  const std::string text = R"({{x}} {a} {f({ b: "}" })} \u{e9})";
  std::vector<std::string> holes;
  const Holes found = FindHoles(text);
  for (const SourceRange& range : found.ranges) {
    holes.push_back(text.substr(static_cast<size_t>(range.begin),
                                static_cast<size_t>(range.end - range.begin)));
  }
  EXPECT_THAT(holes, ElementsAre("a", R"(f({ b: "}" }))"));
  EXPECT_TRUE(found.errors.empty());
}

// The texts of the first f-string in `expect …`.
std::vector<std::string> TextsOf(const std::string& fstring) {
  const Source source("a.flow", "test \"t\" { expect " + fstring + " }");
  const ParseResult result = Parse(source);
  EXPECT_EQ(Render(result.diagnostics, source), "");
  return FStringTexts(std::get<ast::TestDecl>(result.file.items.at(0)).body.at(0).expr);
}

TEST(FStringTextsTest, AreOneMoreThanTheHoles) {
  EXPECT_THAT(TextsOf(R"(f"")"), ElementsAre(""));
  EXPECT_THAT(TextsOf(R"(f"{a}")"), ElementsAre("", ""));
  EXPECT_THAT(TextsOf(R"(f"x\t{{{a}}} {b}!")"), ElementsAre("x\t{", "} ", "!"));
  EXPECT_THAT(TextsOf("f\"\"\"\n    a {x}\n      b\n    \"\"\""), ElementsAre("a ", "\n  b"));
}

TEST(FindInvalidUtf8Test, KnowsTheForms) {
  EXPECT_EQ(FindInvalidUtf8("aé温😀"), std::nullopt);
  for (const std::string bad : {"\x80", "\xC3", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80",
                                "\xF0\x80\x80\x80", "\xF4\x90\x80\x80", "\xFF", "\xE6\xB8"}) {
    EXPECT_EQ(FindInvalidUtf8("ab" + bad), 2) << bad;
    EXPECT_EQ(FindInvalidUtf8(bad + "ab"), 0) << bad;
  }
}

}  // namespace
}  // namespace raceway::dsl
