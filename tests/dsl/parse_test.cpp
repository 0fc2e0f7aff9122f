#include "dsl/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "dsl/print.h"

namespace raceway::dsl {
namespace {

using testing::ElementsAre;

ParseResult ParseText(const std::string& text) { return Parse(Source("a.flow", text)); }

std::string Errors(const std::string& text) {
  std::string errors;
  for (const Diagnostic& diagnostic : ParseText(text).diagnostics.Sorted()) {
    errors += diagnostic.message + "\n";
  }
  return errors;
}

constexpr std::string_view kFlow =
    "edition 1\n"
    "\n"
    "/// Doc.\n"
    "schema A { id: i64 }\n"
    "\n"
    "flow f(rows: A) -> A {\n"
    "  return rows |> filter(id > 1)\n"
    "}\n";

TEST(ParseTest, CarriageReturnsAndByteOrderMarksChangeNothing) {
  std::string dos = "\xEF\xBB\xBF";
  for (const char c : kFlow) dos += c == '\n' ? "\r\n" : std::string(1, c);
  EXPECT_EQ(PrintSyntax(ParseText(dos).file), PrintSyntax(ParseText(std::string(kFlow)).file));
  EXPECT_EQ(Errors(dos), "");
}

TEST(ParseTest, PositionsDoNotCountTheByteOrderMark) {
  const Source source("a.flow", "\xEF\xBB\xBFschema A { a: }");
  const std::vector<Diagnostic> sorted = Parse(source).diagnostics.Sorted();
  ASSERT_EQ(sorted.size(), 1u);
  EXPECT_EQ(source.PositionOf(sorted[0].where.begin).column, 15);
}

TEST(ParseTest, RangesAreThoseOfTheText) {
  const Source source("é.flow", "// é 温 😀\n" + std::string(kFlow));
  const ParseResult result = Parse(source);
  const auto& flow = std::get<ast::FlowDecl>(result.file.items.at(1));
  EXPECT_EQ(source.Text(flow.name.range), "f");
  EXPECT_EQ(source.Text(flow.signature.range), "(rows: A) -> A");
  const auto& value = std::get<ast::Return>(flow.body.at(0)).values.at(0).value;
  EXPECT_EQ(source.Text(value.range), "rows |> filter(id > 1)");
  EXPECT_EQ(source.Text(value.steps.at(0).range), "filter(id > 1)");
  const ast::Expr& condition = value.steps.at(0).args.at(0).value.head;
  EXPECT_EQ(source.Text(condition.range), "id > 1");
  EXPECT_EQ(source.Text(condition.text_range), ">");
  EXPECT_EQ(source.Text(result.file.edition_range), "edition 1");
}

TEST(ParseTest, HolesHaveTheirPlacesInTheFile) {
  const Source source("a.flow", "test \"t\" { expect f\"é {a.b} {max(c)}\" }");
  const ParseResult result = Parse(source);
  const ast::Expr& text = std::get<ast::TestDecl>(result.file.items.at(0)).body.at(0).expr;
  ASSERT_EQ(text.kind, ast::Expr::Kind::kFString);
  EXPECT_EQ(text.text, "é {a.b} {max(c)}");
  EXPECT_EQ(source.Text(text.children.at(0).range), "a.b");
  EXPECT_EQ(source.Text(text.children.at(1).range), "max(c)");
}

TEST(ParseTest, AHoleOfAForeignCommentIsOneError) {
  EXPECT_EQ(Errors("test \"t\" { expect f\"{# x}\" }"), "a comment does not begin with `#`\n");
}

TEST(ParseTest, QuotedNamesLoseTheirBackquotes) {
  const ParseResult result = ParseText("schema A { `two words`: i64 }");
  const auto& schema = std::get<ast::SchemaDecl>(result.file.items.at(0));
  EXPECT_EQ(schema.record.columns.at(0).name.text, "two words");
}

TEST(ParseTest, DocumentationGoesToTheNextItem) {
  const ParseResult result = ParseText(std::string(kFlow));
  EXPECT_EQ(std::get<ast::SchemaDecl>(result.file.items.at(0)).doc, "Doc.");
  EXPECT_EQ(std::get<ast::FlowDecl>(result.file.items.at(1)).doc, "");
}

TEST(ParseTest, AnItemThatFailsIsLeftOutAndNamed) {
  const ParseResult result = ParseText(
      "schema A { a i64 }\n"
      "schema B { b: i64 }\n"
      "model `m n`(x: f32 { source: \"m\" }\n"
      "flow f(b: B) -> B { return b }\n");
  EXPECT_EQ(result.file.items.size(), 2u);
  EXPECT_THAT(result.lost_names, ElementsAre("A", "m n"));
}

TEST(ParseTest, AnUnclosedBracketDoesNotSwallowTheNextItem) {
  const ParseResult result = ParseText(
      "flow f(a: A) -> A {\n"
      "  return a |> filter(x > 1\n"
      "\n"
      "schema B { b: i64 }\n"
      "schema C { c: i64 }\n");
  EXPECT_EQ(result.file.items.size(), 2u);
  EXPECT_EQ(result.diagnostics.Sorted().size(), 1u);
}

TEST(ParseTest, NamesLikeItemWordsBeginNoItem) {
  EXPECT_EQ(Errors("schema A {\nmodel: i64\nflow: i64,\ntest: string }\n"), "");
  EXPECT_EQ(Errors("model m(\nmodel: f32\n) -> (\nfn: f32\n) {\nstore {\nparam: 1\n}\n}\n"), "");
}

TEST(ParseTest, RepairsGiveTheTreeThatWasMeant) {
  const ParseResult wrong = ParseText("test 't' { expect a && !b || c == 10 %; expect x > 5 ms }");
  const ParseResult right =
      ParseText("test \"t\" { expect a and not b or c == 10% expect x > 5ms }");
  EXPECT_EQ(right.file.items.size(), 1u);
  EXPECT_EQ(PrintSyntax(wrong.file), PrintSyntax(right.file));
  EXPECT_EQ(wrong.diagnostics.Sorted().size(), 7u);
}

TEST(ParseTest, BadLiteralsKeepTheItem) {
  const ParseResult result = ParseText("param a: i64 = 99999999999999999999");
  ASSERT_EQ(result.file.items.size(), 1u);
  EXPECT_EQ(std::get<ast::ParamDecl>(result.file.items.at(0)).default_value->text, "0");
  EXPECT_TRUE(result.diagnostics.has_errors());
}

TEST(ParseTest, AnEmptyFileIsFine) {
  for (const std::string text :
       {"", "\n", "\xEF\xBB\xBF", "// only this", "/* and */ /// this\n"}) {
    EXPECT_EQ(Errors(text), "") << text;
    EXPECT_TRUE(ParseText(text).file.items.empty());
  }
}

TEST(ParseTest, TheEditionComesFirstAndOnce) {
  EXPECT_EQ(ParseText("edition 7").file.edition, 7);
  EXPECT_EQ(ParseText("schema A {}").file.edition, std::nullopt);
  EXPECT_EQ(Errors("edition 1\nedition 1\n"), "`edition` comes once, before everything else\n");
  EXPECT_EQ(Errors("edition\n"), "expected a number, found the end of the item\n");
}

TEST(PrintTest, WhatIsPrintedParsesToTheSame) {
  for (const std::string text : {"a - (b - c)", "(a + b) * -c", "not (a and b)", "(a ?? b).c[0](d)",
                                 "(if a then b else c)[1]", "-(-a)", "(a in b) is null",
                                 "a in (b in c)", "(a..b)..c", "f\"{{ {a} }}\"", "`in` + `x y`",
                                 "{ `as`: 1 }", "(not a) + 1", "\"\\u{1}\\n\"", "1.5e3..0x1F"}) {
    const auto print = [](const std::string& expr) {
      const ParseResult result = ParseText("test \"t\" { expect " + expr + " }");
      EXPECT_EQ(result.file.items.size(), 1u) << expr;
      return PrintExpr(std::get<ast::TestDecl>(result.file.items.at(0)).body.at(0).expr);
    };
    const std::string printed = print(text);
    EXPECT_EQ(print(printed), printed);
  }
}

}  // namespace
}  // namespace raceway::dsl
