#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/library/flows.h"

namespace raceway::tests {
namespace {

using ::testing::HasSubstr;

TEST(CompileTest, APlanSaysWhatItTakesAndGives) {
  const Plan plan = PlanOf(kTwice);
  EXPECT_EQ(plan.flow(), "twice");
  ASSERT_EQ(plan.inputs().size(), 1U);
  EXPECT_EQ(plan.inputs()[0].name, "rows");
  EXPECT_EQ(ToString(plan.inputs()[0].schema), "(id: i64, name: string, x: f32[2])");
  EXPECT_EQ(ToString(plan.results()[0].schema), "(id: i64, name: string, y: f32[2])");
  const Field& x = plan.inputs()[0].schema[2];
  EXPECT_EQ(x.dtype, DataType::kF32);
  EXPECT_EQ(x.shape, std::vector<int64_t>{2});
  EXPECT_FALSE(x.optional);
  EXPECT_EQ(plan.files(), std::vector<std::string>{"double.pt"});
  EXPECT_EQ(plan.base_dir(), Models());
}

TEST(CompileTest, APlanIsReadBack) {
  const std::filesystem::path file = Models() / "twice.plan";
  std::ofstream(file) << PlanOf(kTwice).ToJson();
  const Result<Plan> plan = Plan::Load(file);
  ASSERT_TRUE(plan.ok()) << plan.error().Text();
  EXPECT_EQ(plan->ToJson(), PlanOf(kTwice).ToJson());
  EXPECT_EQ(plan->base_dir(), Models());
}

TEST(CompileTest, WhatIsNoPlanIsRefused) {
  EXPECT_THAT(ErrorOf(Plan::Load("/nowhere/x.plan")),
              HasSubstr("unavailable: cannot read `/nowhere/x.plan`: No such file"));
  EXPECT_THAT(ErrorOf(Plan::FromJson("{}", "")), HasSubstr("invalid argument: "));
  const std::filesystem::path file = Models() / "broken.plan";
  std::ofstream(file) << PlanOf(kTwice).ToJson().substr(0, 200);
  EXPECT_THAT(ErrorOf(Plan::Load(file)), HasSubstr("broken.plan: "));
}

TEST(CompileTest, MistakesAreValuesWithTheirPlace) {
  const std::string wrong =
      std::string(kTwice).replace(std::string(kTwice).find("map(double)"), 11, "map(duoble)");
  const Result<Compilation> compiled = CompileText(wrong, "wrong.flow", Models());
  ASSERT_TRUE(compiled.ok()) << compiled.error().Text();
  EXPECT_FALSE(compiled->plan.has_value());
  ASSERT_EQ(compiled->diagnostics.size(), 1U);
  const Diagnostic& diagnostic = compiled->diagnostics[0];
  EXPECT_EQ(diagnostic.severity, Diagnostic::Severity::kError);
  EXPECT_EQ(diagnostic.code, "E0201");
  EXPECT_EQ(diagnostic.name, "unknown-name");
  EXPECT_EQ(diagnostic.where.file, "wrong.flow");
  EXPECT_EQ(diagnostic.where.line, 4);
  EXPECT_EQ(diagnostic.where.column, 22);
  EXPECT_EQ(diagnostic.where.end_column, 28);
  EXPECT_THAT(diagnostic.help, HasSubstr("double"));
  EXPECT_THAT(compiled->text, HasSubstr("error[E0201]"));
  EXPECT_THAT(compiled->text, HasSubstr("--> wrong.flow:4:22"));
}

TEST(CompileTest, AMissingModelIsAMistakeOfTheFlow) {
  const Result<Compilation> compiled = CompileText(kTwice, "twice.flow", "/nowhere");
  ASSERT_TRUE(compiled.ok()) << compiled.error().Text();
  EXPECT_FALSE(compiled->plan.has_value());
  EXPECT_THAT(compiled->text, HasSubstr("double.pt"));
}

TEST(CompileTest, FilesAreReadWithTheirFolder) {
  const std::filesystem::path file = Models() / "twice.flow";
  std::ofstream(file) << kTwice;
  const Result<Compilation> compiled = CompileFile(file);
  ASSERT_TRUE(compiled.ok()) << compiled.error().Text();
  ASSERT_TRUE(compiled->plan.has_value()) << compiled->text;
  EXPECT_EQ(compiled->plan->base_dir(), Models());
  EXPECT_THAT(ErrorOf(CompileFile(Models() / "none.flow")), HasSubstr("unavailable: cannot read"));
}

TEST(CompileTest, MistakesInTheCallAreErrors) {
  const auto error = [](const CompileOptions& options) {
    return ErrorOf(CompileText(kTwice, "twice.flow", Models(), options));
  };
  EXPECT_THAT(error({.flow = "thrice", .params = {}, .hints = {}}),
              HasSubstr("invalid argument: twice.flow: "));
  EXPECT_THAT(error({.flow = {}, .params = {{"limit", "1"}}, .hints = {}}), HasSubstr("limit"));
  EXPECT_THAT(error({.flow = {}, .params = {}, .hints = {"nonsense"}}), HasSubstr("nonsense"));
  EXPECT_THAT(error({.flow = {}, .params = {{"\xff", "1"}}, .hints = {}}),
              HasSubstr("a parameter is no UTF-8"));
}

TEST(CompileTest, ParametersAreSet) {
  constexpr char kLimited[] = R"(edition 1
param limit: f32 in 0.0..10.0 = 0.0
flow some(rows: { x: f32 }) -> { x: f32 } { return rows |> filter(x > limit) }
)";
  Engine engine = *Engine::Start({.num_workers = 1});
  const Table rows = Table().Set("x", at::tensor({1.F, 3.F, 5.F}));
  CompileOptions options;
  EXPECT_EQ(engine.Deploy(PlanOf(kLimited))->Run(rows)->num_rows(), 3);
  options.params = {{"limit", "2.5"}};
  EXPECT_EQ(engine.Deploy(PlanOf(kLimited, options))->Run(rows)->num_rows(), 2);
}

}  // namespace
}  // namespace raceway::tests
