#include "dsl/diagnostic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace raceway::dsl {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(DiagnosticKindsTest, HaveDistinctCodesAndNames) {
  std::set<std::string_view> codes;
  std::set<std::string_view> names;
  for (const DiagnosticInfo& info : AllDiagnosticKinds()) {
    EXPECT_EQ(info.code.size(), 5u) << info.name;
    EXPECT_TRUE(codes.insert(info.code).second) << info.code;
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_EQ(&InfoOf(info.kind), &info);
  }
}

TEST(DiagnosticsTest, AreSortedAndHaveOneErrorForEachPlace) {
  Diagnostics diagnostics;
  diagnostics.Add(DiagnosticKind::kTypeMismatch, {8, 9}, "third");
  diagnostics.Add(DiagnosticKind::kUnusedTable, {2, 3}, "a warning");
  diagnostics.Add(DiagnosticKind::kUnknownName, {2, 3}, "first");
  diagnostics.Add(DiagnosticKind::kTypeMismatch, {2, 3}, "a consequence of the first");
  std::vector<std::string> messages;
  for (const Diagnostic& diagnostic : diagnostics.Sorted()) messages.push_back(diagnostic.message);
  EXPECT_THAT(messages, ElementsAre("a warning", "first", "third"));
}

TEST(DiagnosticsTest, HaveErrorsOnlyIfOneIsAnError) {
  Diagnostics diagnostics;
  EXPECT_TRUE(diagnostics.empty());
  diagnostics.Add(DiagnosticKind::kMissingEdition, {0, 0}, "a warning");
  EXPECT_FALSE(diagnostics.has_errors());
  Diagnostics more;
  more.Add(DiagnosticKind::kSyntaxError, {0, 0}, "an error");
  diagnostics.Append(more);
  EXPECT_TRUE(diagnostics.has_errors());
}

TEST(DidYouMeanTest, OffersTheThreeNearestInOrder) {
  const std::vector<std::string> columns = {"logit",    "label",  "labels",
                                            "lable_id", "labell", "conf"};
  EXPECT_THAT(DidYouMean("lable", columns), ElementsAre("label"));
  EXPECT_THAT(DidYouMean("labels_", columns), ElementsAre("labels", "label", "labell"));
  EXPECT_EQ(DidYouMeanText("labels_", columns), "did you mean `labels`, `label` or `labell`?");
}

TEST(DidYouMeanTest, OffersAShortFormWhereNothingIsNear) {
  const std::vector<std::string> columns = {"id", "conf", "label"};
  EXPECT_THAT(DidYouMean("confidence", columns), ElementsAre("conf"));
  EXPECT_THAT(DidYouMean("identifier", columns), IsEmpty());
}

TEST(DidYouMeanTest, FindsANameInAnImportedFile) {
  const std::vector<std::string> names = {"x.g", "x.fg", "h"};
  EXPECT_THAT(DidYouMean("g", names), ElementsAre("x.g"));
}

TEST(DidYouMeanTest, SaysNothingWhereNothingIsNear) {
  const std::vector<std::string> columns = {"logits", "id", "a"};
  EXPECT_THAT(DidYouMean("threshold", columns), IsEmpty());
  EXPECT_THAT(DidYouMean("ix", columns), IsEmpty());
  EXPECT_THAT(DidYouMean("", columns), IsEmpty());
  EXPECT_EQ(DidYouMeanText("b", columns), "");
}

TEST(DidYouMeanTest, DoesNotCountCapitals) {
  const std::vector<std::string> names = {"Image"};
  EXPECT_THAT(DidYouMean("IMAGE", names), ElementsAre("Image"));
}

}  // namespace
}  // namespace raceway::dsl
