// The formatter: what it makes of a file, and the laws it keeps.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "dsl/comments.h"
#include "dsl/format.h"
#include "dsl/grammar.h"
#include "dsl/items.h"
#include "dsl/parse.h"
#include "dsl/print.h"
#include "tests/support/golden.h"

namespace raceway::dsl {
namespace {

namespace fs = std::filesystem;

std::string Formatted(const std::string& text) {
  const Source source("test.flow", text);
  return Format(source, Parse(source)).value_or("the file is wrong");
}

class FormatGoldenTest : public testing::TestWithParam<std::string> {};

TEST_P(FormatGoldenTest, WritesTheCanonicalForm) {
  tests::CheckGolden(GetParam(), "format",
                     [](const std::string&, const std::string& flow) { return Formatted(flow); });
}

INSTANTIATE_TEST_SUITE_P(Flows, FormatGoldenTest,
                         testing::ValuesIn(tests::GoldenFiles("tests/flows/format", "format")),
                         tests::GoldenName);

/// All flows of the project: the examples and those of golden files.
std::vector<std::string> AllFlows() {
  std::vector<std::string> flows;
  for (const auto& entry : fs::recursive_directory_iterator("tests/flows")) {
    if (entry.path().extension() == ".golden") {
      flows.push_back(tests::GoldenFlow(entry.path().string()));
    }
  }
  for (const auto& entry : fs::directory_iterator("examples")) {
    if (entry.path().extension() != ".flow") continue;
    std::ifstream file(entry.path());
    flows.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  std::sort(flows.begin(), flows.end());
  return flows;
}

/// The tokens of a text without its `///` lines.
std::vector<Token> TokensOf(const Source& source) {
  const std::lock_guard lock(GrammarMutex());
  const SourceRange whole = {source.LineStart(1), source.end()};
  std::vector<Token> tokens = Lex(source, whole).tokens;
  std::erase_if(tokens, [](const Token& token) { return token.kind == Token::Kind::kDoc; });
  return tokens;
}

/// Every word and sign in order; commas come and go.
std::string WordsOf(const Source& source) {
  std::string words;
  for (const Token& token : TokensOf(source)) {
    if (token.text != ",") words += std::string(token.text) + "\n";
  }
  return words.starts_with("edition\n1\n") ? words : "edition\n1\n" + words;
}

std::vector<std::string> CommentsOf(const Source& source) {
  std::vector<std::string> texts;
  for (const TokenComments& comments : CommentsAround(source, TokensOf(source))) {
    for (const Comment& comment : comments.before) texts.push_back(comment.text);
    texts.insert(texts.end(), comments.inside.begin(), comments.inside.end());
    texts.insert(texts.end(), comments.after.begin(), comments.after.end());
  }
  std::sort(texts.begin(), texts.end());
  return texts;
}

std::string TreeOf(const Source& source) {
  ParseResult result = Parse(source);
  if (!result.file.edition) result.file.edition = 1;
  return PrintSyntax(result.file);
}

/// Checks the laws; false if the text is wrong and has no canonical form.
bool CheckLaws(const std::string& text) {
  const Source before("test.flow", text);
  const std::optional<std::string> formatted = Format(before, Parse(before));
  if (!formatted) return false;
  const Source after("test.flow", *formatted);
  EXPECT_FALSE(Parse(after).diagnostics.has_errors()) << text << "\n-----\n" << *formatted;
  EXPECT_EQ(TreeOf(before), TreeOf(after)) << *formatted;
  EXPECT_EQ(WordsOf(before), WordsOf(after)) << *formatted;
  EXPECT_EQ(CommentsOf(before), CommentsOf(after)) << *formatted;
  EXPECT_EQ(*formatted, Formatted(*formatted)) << "not idempotent; from\n" << text;
  EXPECT_EQ(formatted->find(" \n"), std::string::npos) << "space at the end of a line";
  EXPECT_EQ(formatted->find("\n\n\n"), std::string::npos) << "two empty lines";
  return true;
}

TEST(FormatTest, KeepsItsLawsOnEveryFlow) {
  int num_formatted = 0;
  for (const std::string& flow : AllFlows()) num_formatted += CheckLaws(flow) ? 1 : 0;
  EXPECT_GT(num_formatted, 90);
}

TEST(FormatTest, TheExamplesAreCanonical) {
  for (const auto& entry : fs::directory_iterator("examples")) {
    if (entry.path().extension() != ".flow") continue;
    std::ifstream file(entry.path());
    const std::string text(std::istreambuf_iterator<char>(file), {});
    EXPECT_EQ(text, Formatted(text)) << entry.path();
  }
}

/// The same tokens with other space between them, and comments at random places.
std::string Respaced(const std::string& flow, std::mt19937& random) {
  const Source source("test.flow", flow);
  const std::vector<Token> tokens = TokensOf(source);
  std::vector<size_t> starts;
  for (const ItemTokens& item : CutItems(source, tokens)) {
    starts.push_back((starts.empty() ? 0 : starts.back()) + item.tokens.size());
  }
  std::string text;
  int num_comments = 0;
  for (size_t i = 0; i < tokens.size(); ++i) {
    const bool starts_item = i == 0 || std::find(starts.begin(), starts.end(), i) != starts.end();
    const std::string comment = std::to_string(++num_comments);
    switch (random() % 24) {
      case 0: text += " // " + comment + "\n"; break;
      case 1: text += "\n // " + comment + "\n"; break;
      case 2: text += " /* " + comment + " */ "; break;
      case 3: text += "\n\n\n /* " + comment + "\n*/\n"; break;
      case 4: text += "\n\n //" + comment + "\n\n"; break;
      case 5:
      case 6: text += "\n"; break;
      case 7: text += "\n\n\n"; break;
      case 8: text += "\r\n \t "; break;
      default: break;
    }
    // An item's word in the first column would begin an item.
    text += starts_item ? "\n" : " ";
    text += tokens[i].text;
  }
  return text + (random() % 2 == 0 ? "\n" : " // last");
}

TEST(FormatTest, KeepsItsLawsWhereverSpaceAndCommentsStand) {
  std::mt19937 random(4);
  int num_formatted = 0;
  for (const std::string& flow : AllFlows()) {
    const Source source("test.flow", flow);
    if (Parse(source).diagnostics.has_errors()) continue;
    for (int round = 0; round < 5; ++round) {
      num_formatted += CheckLaws(Respaced(flow, random)) ? 1 : 0;
      if (testing::Test::HasFailure()) return;
    }
  }
  EXPECT_GT(num_formatted, 450);
}

TEST(FormatTest, SpaceDoesNotMatter) {
  std::mt19937 random(5);
  const std::string flow = tests::GoldenFlow("tests/flows/format/layouts.golden");
  const Source source("test.flow", flow);
  std::string lines;
  for (const Token& token : TokensOf(source)) lines += std::string(token.text) + "\n ";
  // Items stay apart by their words; empty lines between them are the only choice there is.
  std::string expected = Formatted(flow);
  const auto without_blank_lines = [](std::string text) {
    for (size_t at; (at = text.find("\n\n")) != std::string::npos;) text.erase(at, 1);
    return text;
  };
  EXPECT_EQ(without_blank_lines(Formatted(lines)),
            without_blank_lines(expected.erase(expected.find("  // nothing"), 12)));
}

TEST(FormatTest, AWrongFileHasNoCanonicalForm) {
  const Source source("test.flow", "edition 1\nschema A { x: }\n");
  EXPECT_FALSE(Format(source, Parse(source)).has_value());
}

TEST(FormatTest, AnEmptyFileGetsItsEdition) {
  EXPECT_EQ(Formatted(""), "edition 1\n");
  EXPECT_EQ(Formatted("// what\n"), "edition 1\n\n// what\n");
  EXPECT_EQ(Formatted("\xEF\xBB\xBF"
                      "edition 1\r\n"),
            "edition 1\n");
}

}  // namespace
}  // namespace raceway::dsl
