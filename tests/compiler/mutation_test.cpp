// Programs with a token or two changed: whatever comes of them has a plan or an error.
#include <gtest/gtest.h>

#include <unistd.h>
#include <cctype>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "tests/compiler/compiling.h"
#include "tests/support/golden.h"

namespace raceway::compiler {
namespace {

std::vector<std::string> Programs() {
  std::vector<std::string> programs;
  for (const std::string folder : {"tests/flows/diagnostics", "tests/flows/plans"}) {
    for (const std::string section : {"check", "compile", "logical"}) {
      for (const std::string& file : tests::GoldenFiles(folder, section)) {
        programs.push_back(tests::GoldenFlow(file));
      }
    }
  }
  return programs;
}

/// Words, numbers and signs, each with the space before it.
std::vector<std::string> Tokens(const std::string& text) {
  const auto is_word = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.';
  };
  std::vector<std::string> tokens(1);
  for (size_t i = 0; i < text.size(); ++i) {
    const bool is_space = std::isspace(static_cast<unsigned char>(text[i])) != 0;
    const bool goes_on = !is_space && i > 0 && is_word(text[i]) && is_word(text[i - 1]);
    const bool is_sign = i > 0 && text[i] == '>' && (text[i - 1] == '|' || text[i - 1] == '-');
    const bool begins =
        i > 0 && !goes_on && !is_sign && std::isspace(static_cast<unsigned char>(text[i - 1])) == 0;
    if (begins) tokens.emplace_back();
    tokens.back() += text[i];
  }
  return tokens;
}

std::string Mutated(const std::string& program, std::mt19937& random) {
  std::vector<std::string> tokens = Tokens(program);
  const auto any = [&] { return static_cast<size_t>(random() % tokens.size()); };
  for (size_t n = 1 + random() % 2; n > 0; --n) {
    switch (random() % 4) {
      case 0: tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(any())); break;
      case 1: std::swap(tokens[any()], tokens[any()]); break;
      case 2: tokens[any()] = tokens[any()]; break;
      default: {
        const std::string copy = tokens[any()];
        tokens.insert(tokens.begin() + static_cast<std::ptrdiff_t>(any()), copy);
      }
    }
  }
  std::string text;
  for (const std::string& token : tokens) text += token;
  return text;
}

// What the compiler was given when the process ended, should it end.
std::string& Current() {
  static std::string text;
  return text;
}

void PrintCurrent(int number) {
  const std::string& text = Current();
  if (::write(STDERR_FILENO, text.data(), text.size()) < 0) std::_Exit(1);
  std::signal(number, SIG_DFL);
  std::raise(number);
}

void ExpectAPlanOrAnError(const std::string& text) {
  const testing::Compiled checked = testing::Compile(text);
  for (const dsl::ast::Item& item : checked.result.parsed().file.items) {
    const auto* flow = std::get_if<dsl::ast::FlowDecl>(&item);
    if (flow == nullptr) continue;
    const testing::Compiled compiled =
        testing::Compile(text, {.flow = flow->name.text, .params = {}, .without = {}});
    const CompileResult& result = compiled.result;
    EXPECT_EQ(result.diagnostics.has_errors_of_flows(), !result.physical || result.is_file_missing)
        << flow->name.text << "\n"
        << text;
    if (!result.physical) continue;
    const engine::Status valid = engine::Validate(*result.physical);
    EXPECT_TRUE(valid.ok()) << valid.error().message << "\n" << text;
  }
  for (const dsl::Diagnostic& diagnostic : checked.result.diagnostics.Sorted()) {
    EXPECT_GE(diagnostic.where.begin, 0);
    EXPECT_LE(diagnostic.where.begin, diagnostic.where.end);
    // What is lacking at the end has its place one behind it.
    const dsl::Source& in = checked.result.sources.Of(diagnostic.where);
    EXPECT_LE(diagnostic.where.end, in.end() + 1) << text;
    EXPECT_FALSE(diagnostic.message.empty());
  }
}

TEST(MutationTest, HasAPlanOrAnError) {
  // More of them on a quiet machine: RACEWAY_MUTATIONS=1000.
  const char* const more = std::getenv("RACEWAY_MUTATIONS");
  const int per_program = more == nullptr ? 20 : std::atoi(more);
  std::signal(SIGABRT, &PrintCurrent);
  std::signal(SIGSEGV, &PrintCurrent);
  std::mt19937 random(7);
  for (const std::string& program : Programs()) {
    for (int i = 0; i < per_program && !HasFailure(); ++i) {
      Current() = Mutated(program, random);
      ExpectAPlanOrAnError(Current());
    }
  }
  std::signal(SIGABRT, SIG_DFL);
  std::signal(SIGSEGV, SIG_DFL);
}

}  // namespace
}  // namespace raceway::compiler
