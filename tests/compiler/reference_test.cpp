// dsl/README.md is the language's reference: what it shows checks, and it names everything there
// is.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "compiler/check/steps.h"
#include "tests/compiler/compiling.h"

namespace raceway::compiler {
namespace {

constexpr const char* kReference = "dsl/README.md";
constexpr std::string_view kBegin = "<!-- from the contracts -->\n";
constexpr std::string_view kEnd = "<!-- end -->\n";

std::string ReadReference() {
  std::ifstream file(kReference);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string Row(const std::string& signature, const std::string& doc) {
  std::string escaped;
  for (const char c : signature) escaped += c == '|' ? std::string("\\|") : std::string(1, c);
  return "| `" + escaped + "` | " + doc + " |\n";
}

std::string Signature(const engine::FunctionContract& contract) {
  const auto columns = [](const std::vector<engine::Field>& fields) {
    std::string text;
    for (const engine::Field& field : fields) {
      text += (text.empty() ? "" : ", ") + field.name + ": " + ToString(field.type);
    }
    return "(" + text + ")";
  };
  return contract.name + columns(contract.params) + " -> " + columns(contract.results);
}

/// The settings of a native function, as part of its description.
std::string Settings(const engine::FunctionContract& contract) {
  std::string text;
  for (const engine::SettingContract& setting : contract.settings) {
    text +=
        " `" + setting.name + "`" + (setting.required ? " (required)" : "") + ": " + setting.doc;
  }
  return text;
}

/// The part of the reference that the contracts say.
std::string Tables() {
  const engine::Catalog& all = testing::AllContracts();
  std::string text = "| column function | |\n|---|---|\n";
  for (const auto& contract : all.column_functions()) {
    const bool is_cast = engine::DataTypeFromName(contract.name).has_value();
    if (!contract.is_operator && !is_cast) text += Row(contract.signature, contract.doc);
  }
  text += "\n| aggregate, in `agg` | |\n|---|---|\n";
  for (const auto& contract : all.aggregates()) text += Row(contract.signature, contract.doc);
  text += "\n| native function | |\n|---|---|\n";
  for (const auto& contract : all.functions()) {
    text += Row(Signature(contract), contract.doc + Settings(contract));
  }
  return text;
}

/// The text of each block fenced with ```flow.
std::vector<std::string> Flows(const std::string& reference) {
  static constexpr std::string_view kFence = "```flow\n";
  std::vector<std::string> flows;
  for (size_t at = reference.find(kFence); at != std::string::npos;
       at = reference.find(kFence, at + 1)) {
    const size_t begin = at + kFence.size();
    flows.push_back(reference.substr(begin, reference.find("```", begin) - begin));
  }
  return flows;
}

TEST(ReferenceTest, HasTheTablesOfTheContracts) {
  std::string reference = ReadReference();
  const size_t begin = reference.find(kBegin);
  const size_t end = reference.find(kEnd);
  ASSERT_NE(begin, std::string::npos);
  ASSERT_NE(end, std::string::npos);
  const size_t from = begin + kBegin.size();
  if (std::getenv("RACEWAY_UPDATE_GOLDEN") != nullptr) {
    reference.replace(from, end - from, Tables());
    std::ofstream(kReference) << reference;
    return;
  }
  EXPECT_EQ(reference.substr(from, end - from), Tables())
      << "RACEWAY_UPDATE_GOLDEN=1 writes them anew";
}

TEST(ReferenceTest, ShowsFlowsThatCheck) {
  const std::vector<std::string> flows = Flows(ReadReference());
  ASSERT_FALSE(flows.empty());
  for (const std::string& flow : flows) {
    EXPECT_EQ(testing::Compile(flow, {.flow = {}, .params = {}, .without = {}}).Text(), "") << flow;
  }
}

TEST(ReferenceTest, NamesEveryStep) {
  const std::string reference = ReadReference();
  // Those on streams go by that name together.
  const std::set<std::string> on_streams = {"window", "sample", "shed", "stream"};
  for (const auto& names : {CoreOperators(), LaterOperators()}) {
    for (const std::string& name : names) {
      if (on_streams.contains(name)) continue;
      const bool is_named = reference.find("`" + name) != std::string::npos ||
                            reference.find("|> " + name) != std::string::npos;
      EXPECT_TRUE(is_named) << name;
    }
  }
  EXPECT_NE(reference.find("streams"), std::string::npos);
}

}  // namespace
}  // namespace raceway::compiler
