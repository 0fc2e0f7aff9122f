// What editors show is written by hand: it names everything that the compiler knows, and no more.
#include "tools/raceway/lsp/docs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/check/hint_values.h"
#include "compiler/check/quantities.h"
#include "compiler/check/steps.h"
#include "engine/data/type.h"

namespace raceway::tools::lsp {
namespace {

using ::testing::UnorderedElementsAreArray;

std::vector<std::string> NamesOf(std::span<const Doc> docs) {
  std::vector<std::string> names;
  for (const Doc& doc : docs) names.emplace_back(doc.name);
  return names;
}

std::vector<std::string> OptionsOf(std::span<const OptionDoc> docs, std::string_view owner) {
  std::vector<std::string> names;
  for (const OptionDoc& doc : docs) {
    if (doc.owner == owner) names.emplace_back(doc.name);
  }
  return names;
}

TEST(LspDocsTest, NamesEveryOperator) {
  std::vector<std::string> known = compiler::CoreOperators();
  const std::vector<std::string>& later = compiler::LaterOperators();
  known.insert(known.end(), later.begin(), later.end());
  EXPECT_THAT(NamesOf(OperatorDocs()), UnorderedElementsAreArray(known));
}

TEST(LspDocsTest, NamesEveryHintAndWhatItMayHold) {
  EXPECT_THAT(NamesOf(HintDocs()), UnorderedElementsAreArray(compiler::HintNames()));
  for (const std::string& hint : compiler::HintNames()) {
    std::set<std::string> members;
    for (const auto place : {compiler::HintPlace::kDefaults, compiler::HintPlace::kDeclaration,
                             compiler::HintPlace::kLanguageModel, compiler::HintPlace::kFlow,
                             compiler::HintPlace::kStep}) {
      for (const std::string& member : compiler::MembersOf(hint, place)) members.insert(member);
    }
    EXPECT_THAT(OptionsOf(HintOptionDocs(), hint), UnorderedElementsAreArray(members)) << hint;
  }
}

TEST(LspDocsTest, NamesEveryUnit) {
  EXPECT_THAT(NamesOf(UnitDocs()), UnorderedElementsAreArray(compiler::AllUnits()));
}

TEST(LspDocsTest, KnowsOnlyTypesThatThereAre) {
  for (const std::string& name : NamesOf(TypeDocs())) {
    EXPECT_TRUE(engine::DataTypeFromName(name).has_value()) << name;
  }
}

}  // namespace
}  // namespace raceway::tools::lsp
