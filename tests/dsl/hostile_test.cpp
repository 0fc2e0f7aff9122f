// Whatever the bytes are: no crash, no endless wait, and a mistake costs at most its item.

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "dsl/grammar.h"
#include "dsl/parse.h"
#include "dsl/print.h"
#include "tests/support/golden.h"

namespace raceway::dsl {
namespace {

const std::string& Program() {
  static const std::string kProgram =
      tests::GoldenFlow("tests/flows/syntax/program-3-translation.golden");
  return kProgram;
}

ParseResult ParseText(const std::string& text) { return Parse(Source("a.flow", text)); }

std::string Repeat(std::string_view part, size_t times) {
  std::string text;
  text.reserve(part.size() * times);
  for (size_t i = 0; i < times; ++i) text += part;
  return text;
}

// The one kind of diagnostic that `text` gets, and nothing else.
void ExpectOnly(DiagnosticKind kind, const std::string& text, const std::string& what) {
  const Source source("a.flow", text);
  const ParseResult result = Parse(source);
  const std::vector<Diagnostic> sorted = result.diagnostics.Sorted();
  ASSERT_FALSE(sorted.empty()) << what;
  for (const Diagnostic& diagnostic : sorted) {
    EXPECT_EQ(InfoOf(diagnostic.kind).name, InfoOf(kind).name) << what << diagnostic.message;
  }
  EXPECT_FALSE(Render(result.diagnostics, source).empty());
}

TEST(HostileTest, AFileOverTheLimitIsRefused) {
  ExpectOnly(DiagnosticKind::kFileTooLarge,
             std::string(static_cast<size_t>(Source::kMaxBytes) + 1, ' '), "too large");
  EXPECT_TRUE(
      ParseText(std::string(static_cast<size_t>(Source::kMaxBytes), ' ')).diagnostics.empty());
}

TEST(HostileTest, BadBytesAreRefusedWithTheirOffset) {
  const ParseResult result = ParseText("schema A {}\n\xff");
  EXPECT_EQ(result.diagnostics.Sorted().at(0).message, "the byte at offset 12 is not UTF-8");
  ExpectOnly(DiagnosticKind::kInvalidUtf8, std::string("schema A {}\0", 12), "NUL");
  ExpectOnly(DiagnosticKind::kInvalidUtf8,
             std::string("\xff\xfe"
                         "e\0d\0",
                         6),
             "UTF-16");
}

TEST(HostileTest, DeepNestingIsRefused) {
  for (const std::string bracket : {"(", "[", "{", "f(", "{ a: ", "{ a {"}) {
    const std::string deep = "test \"t\" { expect " + Repeat(bracket, 100000);
    ExpectOnly(DiagnosticKind::kNestingTooDeep, deep, bracket);
  }
  for (const std::string prefix : {"not ", "- ", "-", "if a then b else ", "if "}) {
    const std::string deep = "test \"t\" { expect " + Repeat(prefix, 50000) + "a }";
    ExpectOnly(DiagnosticKind::kNestingTooDeep, deep, prefix);
  }
  const std::string steps = "flow f(a: A) -> A { return a |> map(m)";
  ExpectOnly(DiagnosticKind::kNestingTooDeep, steps + Repeat(" rescue drop", 50000) + " }",
             "rescue");
  ExpectOnly(DiagnosticKind::kNestingTooDeep, steps + Repeat(" rescue drop", 800) + " }", "rescue");
}

TEST(HostileTest, LongChainsAreRefused) {
  for (const std::string link : {" + a", ".a", "(1)", "[0]", " and a", " ?? a", " is null"}) {
    const std::string text = "test \"t\" { expect a" + Repeat(link, 200000 / link.size()) + " }";
    ExpectOnly(DiagnosticKind::kNestingTooDeep, text, link);
  }
  ExpectOnly(DiagnosticKind::kNestingTooDeep, "schema A { a: f32[H" + Repeat("+1", 100000) + "] }",
             "dimension");
}

TEST(HostileTest, WhatIsLongButFlatIsFine) {
  EXPECT_TRUE(ParseText("flow f(a: A) -> A { return a" + Repeat(" |> drop", 10000) + " }")
                  .diagnostics.empty());
  EXPECT_TRUE(ParseText("param a: i64 in [" + Repeat("1, ", 50000) + "] = 1").diagnostics.empty());
}

TEST(HostileTest, DeepAndOpenCommentsAreNoBurden) {
  EXPECT_TRUE(ParseText(Repeat("/*", 100000) + Repeat("*/", 100000)).diagnostics.empty());
  ExpectOnly(DiagnosticKind::kUnclosedBracket, Repeat("/*", 400000), "open comments");
}

TEST(HostileTest, OpenTextsAreNoBurden) {
  for (const std::string open : {"\"", "'", "\"\"\"", "f\"", "f\"{", "`", "\"\\", "\u201C"}) {
    ParseText(Repeat(open, 100000));
    ParseText(Repeat(open + "\n", 100000));
    ParseText("test \"t\" { expect f\"" + Repeat(open, 1000) + "\" }");
  }
  for (const std::string hole : {"{", "{a", "{(", "{{", "{f(\"\"\"\")", "\\u{", "}"}) {
    ParseText("test \"t\" { expect f\"\"\"" + Repeat(hole, 100000) + "\"\"\" }");
  }
}

TEST(HostileTest, EachPrefixOfAProgramIsParsed) {
  for (size_t size = 0; size <= Program().size(); ++size) {
    const Source source("a.flow", Program().substr(0, size));
    const ParseResult result = Parse(source);
    Render(result.diagnostics, source);
    PrintSyntax(result.file);
  }
}

// The items by name, each printed.
std::map<std::string, std::string> ItemsByName(const ast::File& file) {
  std::map<std::string, std::string> items;
  for (const ast::Item& item : file.items) {
    ast::File one;
    one.items.push_back(item);
    const std::string text = PrintSyntax(one);
    items[text.substr(0, text.find_first_of("({\n"))] = text;
  }
  return items;
}

SourceRange RangeOf(const ast::Item& item) {
  return std::visit([](const auto& declaration) { return declaration.range; }, item);
}

// Replaces each token in turn and expects all items back that do not touch it.
void MutateEachToken(const std::string& replacement) {
  const Source source("a.flow", Program());
  const ast::File file = Parse(source).file;
  const std::map<std::string, std::string> all = ItemsByName(file);
  const SourceRange whole = {0, static_cast<int32_t>(Program().size())};
  for (const Token& token : Lex(source, whole).tokens) {
    std::string text = Program();
    text.replace(static_cast<size_t>(token.range.begin), token.text.size(), replacement);
    const std::map<std::string, std::string> left = ItemsByName(ParseText(text).file);
    for (size_t i = 0; i < file.items.size(); ++i) {
      const SourceRange item = RangeOf(file.items[i]);
      // Without its first word an item becomes the tail of the one before.
      const SourceRange next = RangeOf(file.items[std::min(i + 1, file.items.size() - 1)]);
      const bool touched = token.range.begin >= item.begin && token.range.begin < item.end;
      const bool first_of_next = token.range.begin == next.begin;
      if (touched || first_of_next) continue;
      ast::File one;
      one.items.push_back(file.items[i]);
      const std::map<std::string, std::string> expected = ItemsByName(one);
      const auto& [name, printed] = *expected.begin();
      const auto found = left.find(name);
      ASSERT_NE(found, left.end()) << name << "is lost without " << token.text << "\n" << text;
      EXPECT_EQ(found->second, printed);
    }
  }
}

TEST(HostileTest, AMissingTokenCostsAtMostItsItem) { MutateEachToken(""); }
TEST(HostileTest, AWrongTokenCostsAtMostItsItem) { MutateEachToken("="); }
TEST(HostileTest, AnOpenBracketCostsAtMostItsItem) { MutateEachToken("("); }
TEST(HostileTest, AnOpenStringCostsAtMostItsItem) { MutateEachToken("\""); }

TEST(HostileTest, RandomTokensAreParsed) {
  const std::vector<std::string> words = {
      "flow ", "model ", "schema ", "test ", "let ",   "return ",  "with ", "f",        "x ",
      "{ ",    "} ",     "(",       ")",     "[",      "]",        ": ",    "= ",       ", ",
      "|> ",   "-> ",    "=> ",     "1 ",    "\"s\" ", "f\"{x}\"", "\n",    "\nflow f", "if ",
      "then ", "else ",  "not ",    "- ",    "&& ",    "' ",       "# ",    "\"\"\"",   "... ",
      "in ",   "is ",    "null ",   "10ms ", "/*",     "*/"};
  std::mt19937 random(1);
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (size_t size = random() % 60; size > 0; --size) text += words[random() % words.size()];
    const Source source("a.flow", text);
    const ParseResult result = Parse(source);
    Render(result.diagnostics, source);
    PrintSyntax(result.file);
  }
}

TEST(HostileTest, TwoThreadsMayParseAtOnce) {
  const std::string expected = PrintSyntax(ParseText(Program()).file);
  const auto work = [&expected] {
    for (int i = 0; i < 50; ++i) EXPECT_EQ(PrintSyntax(ParseText(Program()).file), expected);
  };
  std::thread other(work);
  work();
  other.join();
}

}  // namespace
}  // namespace raceway::dsl
