// What `raceway explain CODE` says: every code has a text, and its examples do what it says.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "compiler/models/check_models.h"
#include "dsl/explanation.h"
#include "tests/compiler/compiling.h"
#include "tests/compiler/fake_reader.h"

namespace raceway::compiler {
namespace {

/// Kinds that no small file shows.
const std::set<std::string_view>& WithoutExamples() {
  static const std::set<std::string_view> kCodes = {"E0001", "E0002", "E0003"};
  return kCodes;
}

/// The flow of the section `## title`.
std::optional<std::string> Example(std::string_view text, std::string_view title) {
  const std::string head = "\n## " + std::string(title) + "\n\n```flow\n";
  const size_t begin = text.find(head);
  if (begin == std::string_view::npos) return std::nullopt;
  const size_t start = begin + head.size();
  return std::string(text.substr(start, text.find("```\n", start) - start));
}

/// Whether the examples of `code` are of models that differ from their files.
bool IsOfModels(std::string_view code) {
  return code == "E0802" || code == "E0803" || code == "E0804";
}

/// The codes of what is wrong; files are looked at only if the text is right and has a flow `f`,
/// those of models only `with_models`.
std::set<std::string_view> CodesOf(const std::string& flow, bool with_models) {
  testing::Compiled compiled = testing::Compile(flow);
  if (!compiled.result.diagnostics.has_errors() && flow.find("flow f(") != std::string::npos) {
    compiled = testing::Compile(flow, {.flow = "f", .params = {}, .without = {}});
  }
  testing::FakeFiles files;
  testing::FakeReader reader;
  if (with_models) {
    CheckModels(compiled.result.models, files, reader, compiled.result.diagnostics);
  }
  std::set<std::string_view> codes;
  for (const dsl::Diagnostic& diagnostic : compiled.result.diagnostics.Sorted()) {
    codes.insert(dsl::InfoOf(diagnostic.kind).code);
  }
  return codes;
}

TEST(ExplanationTest, EveryCodeHasOne) {
  for (const dsl::DiagnosticInfo& info : dsl::AllDiagnosticKinds()) {
    const std::string head = "# " + std::string(info.code) + " " + std::string(info.name) + "\n\n";
    EXPECT_TRUE(dsl::ExplanationOf(info.code).starts_with(head))
        << "dsl/explanations/" << info.code << ".md must begin with\n"
        << head;
  }
}

TEST(ExplanationTest, NoneIsOfACodeThatIsGone) {
  for (const dsl::Explanation& explanation : dsl::AllExplanations()) {
    const auto kinds = dsl::AllDiagnosticKinds();
    EXPECT_TRUE(std::any_of(kinds.begin(), kinds.end(), [&](const dsl::DiagnosticInfo& info) {
      return info.code == explanation.code;
    })) << explanation.code;
  }
}

TEST(ExplanationTest, TheWrongExampleIsWrongInThisWayAlone) {
  for (const dsl::Explanation& explanation : dsl::AllExplanations()) {
    if (WithoutExamples().contains(explanation.code)) continue;
    const std::optional<std::string> wrong = Example(explanation.text, "Wrong");
    ASSERT_TRUE(wrong) << explanation.code << " lacks `## Wrong` with a ```flow";
    EXPECT_EQ(CodesOf(*wrong, IsOfModels(explanation.code)),
              std::set<std::string_view>{explanation.code})
        << *wrong;
  }
}

TEST(ExplanationTest, TheRightExampleIsRight) {
  for (const dsl::Explanation& explanation : dsl::AllExplanations()) {
    if (WithoutExamples().contains(explanation.code)) continue;
    const std::optional<std::string> right = Example(explanation.text, "Right");
    ASSERT_TRUE(right) << explanation.code << " lacks `## Right` with a ```flow";
    std::set<std::string_view> codes = CodesOf(*right, IsOfModels(explanation.code));
    if (explanation.code != "E0503") codes.erase("E0503");  // a hint is right, honoured or not
    EXPECT_EQ(codes, std::set<std::string_view>{}) << *right;
  }
}

}  // namespace
}  // namespace raceway::compiler
