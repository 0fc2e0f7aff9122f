// Files with one mistake each, as users of other systems make them: the first message is at the
// mistake and names it, and nothing else of the file is lost.
//
//     // Habit: where it comes from
//     // Place: 19:24
//     // Names: words that the message or its help must have
//     // Items: 10
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "tests/compiler/compiling.h"

namespace raceway::compiler {
namespace {

namespace fs = std::filesystem;

struct Mistake {
  std::string name;
  std::string text;
  std::string place;               // line:column
  std::vector<std::string> names;  // what the first message must say
  size_t num_items = 0;            // of the file, the wrong one included
};

/// What follows `key` in the head of a file.
std::string Stated(const std::string& text, const std::string& key) {
  const size_t begin = text.find("// " + key + ": ");
  EXPECT_NE(begin, std::string::npos) << key << " is not stated in\n" << text;
  const size_t start = begin + key.size() + 5;
  return text.substr(start, text.find('\n', start) - start);
}

std::vector<Mistake> AllMistakes() {
  std::vector<Mistake> mistakes;
  for (const auto& entry : fs::directory_iterator("tests/flows/mistakes")) {
    std::ifstream file(entry.path());
    Mistake mistake;
    mistake.name = entry.path().stem().string();
    mistake.text.assign(std::istreambuf_iterator<char>(file), {});
    EXPECT_FALSE(Stated(mistake.text, "Habit").empty()) << mistake.name;
    mistake.place = Stated(mistake.text, "Place");
    std::istringstream names(Stated(mistake.text, "Names"));
    mistake.names.assign(std::istream_iterator<std::string>(names), {});
    mistake.num_items = std::stoul(Stated(mistake.text, "Items"));
    mistakes.push_back(std::move(mistake));
  }
  std::sort(mistakes.begin(), mistakes.end(),
            [](const Mistake& a, const Mistake& b) { return a.name < b.name; });
  return mistakes;
}

std::vector<dsl::Diagnostic> ErrorsOf(const testing::Compiled& compiled) {
  std::vector<dsl::Diagnostic> errors = compiled.result.diagnostics.Sorted();
  std::erase_if(errors, [](const dsl::Diagnostic& diagnostic) {
    return dsl::InfoOf(diagnostic.kind).severity != dsl::Severity::kError;
  });
  return errors;
}

/// What the first message lacks; empty if it is good.
std::string Lacking(const Mistake& mistake, const testing::Compiled& compiled) {
  const std::vector<dsl::Diagnostic> errors = ErrorsOf(compiled);
  if (errors.empty()) return "no error";
  const dsl::Position at = compiled.source.PositionOf(errors.front().where.begin);
  const std::string place = std::to_string(at.line) + ":" + std::to_string(at.column);
  if (place != mistake.place) return "the mistake is at " + mistake.place + ", not " + place;
  const std::string said = errors.front().message + "\n" + errors.front().help;
  for (const std::string& name : mistake.names) {
    if (said.find(name) == std::string::npos) return "it does not say " + name;
  }
  return "";
}

/// Of all files at least this part is good.
void ExpectGood(size_t num_bad, size_t num_all, const std::string& report) {
  constexpr size_t kPercent = 95;
  EXPECT_GE(num_all, 60u);
  EXPECT_GE((num_all - num_bad) * 100, num_all * kPercent) << report;
  std::printf("%zu of %zu\n%s", num_all - num_bad, num_all, report.c_str());
}

TEST(MistakesTest, TheFirstMessageIsAtTheMistakeAndNamesIt) {
  const std::vector<Mistake> mistakes = AllMistakes();
  size_t num_bad = 0;
  std::string report;
  for (const Mistake& mistake : mistakes) {
    const testing::Compiled compiled = testing::Compile(mistake.text, {}, mistake.name);
    const std::string lacking = Lacking(mistake, compiled);
    if (lacking.empty()) continue;
    ++num_bad;
    report += mistake.name + ": " + lacking + "\n" + compiled.Lines();
  }
  ExpectGood(num_bad, mistakes.size(), report);
}

TEST(MistakesTest, OneMistakeIsOneMessage) {
  const std::vector<Mistake> mistakes = AllMistakes();
  size_t num_bad = 0;
  std::string report;
  for (const Mistake& mistake : mistakes) {
    const testing::Compiled compiled = testing::Compile(mistake.text, {}, mistake.name);
    if (ErrorsOf(compiled).size() == 1) continue;
    ++num_bad;
    report += mistake.name + "\n" + compiled.Lines();
  }
  ExpectGood(num_bad, mistakes.size(), report);
}

TEST(MistakesTest, NoOtherItemIsLost) {
  for (const Mistake& mistake : AllMistakes()) {
    const testing::Compiled compiled = testing::Compile(mistake.text, {}, mistake.name);
    EXPECT_GE(compiled.result.parsed().file.items.size() + 1, mistake.num_items)
        << mistake.name << "\n"
        << compiled.Lines();
  }
}

}  // namespace
}  // namespace raceway::compiler
