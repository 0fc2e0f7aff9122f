#include <gtest/gtest.h>

#include <random>

#include "tests/operators/steps.h"

namespace raceway::operators {
namespace {

using namespace testing;  // NOLINT

const SchemaPtr& In() {
  static const SchemaPtr schema =
      S({{"id", "i64"}, {"x", "f32"}, {"s", "string"}, {"v", "f32[N]"}});
  return schema;
}
Batch Rows() {
  return MakeBatch(In(), {Ints({1, 2, 3}), Floats({0.1F, 0.5F, 0.9F}), Texts({"a", "b", "c"}),
                          Ragged({{1}, {2, 3}, {4}})});
}
Expression X() { return Col("x", "f32"); }
Expression AtLeast(double limit) { return Call("ge", {X(), Lit(limit, "f32")}); }

StepSpec Step(std::string op, std::vector<engine::NamedExpression> expressions,
              std::vector<SchemaPtr> outputs) {
  StepSpec step;
  step.op = std::move(op);
  step.expressions = std::move(expressions);
  for (const SchemaPtr& output : outputs) step.outputs.push_back(*output);
  return step;
}

Result<std::vector<Batch>> RunSplit(const StepSpec& step, Batch input) {
  Result<AnyOperator> made = Make(step, {input.schema()});
  if (!made) return std::move(made).error();
  const engine::CancelToken cancel;
  const engine::SteadyClock clock;
  engine::RunContext context{cancel, clock};
  std::vector<Batch> outputs(step.outputs.size());
  const auto status =
      std::get<std::unique_ptr<engine::Splitter>>(*made)->Run(std::move(input), outputs, context);
  if (!status) return status.error();
  return outputs;
}

Result<Batch> RunUnion(const StepSpec& step, std::vector<Batch> inputs) {
  std::vector<SchemaPtr> schemas;
  for (const Batch& input : inputs) schemas.push_back(input.schema());
  Result<AnyOperator> made = Make(step, schemas);
  if (!made) return std::move(made).error();
  const engine::CancelToken cancel;
  const engine::SteadyClock clock;
  engine::RunContext context{cancel, clock};
  return std::get<std::unique_ptr<engine::Merger>>(*made)->Run(inputs, context);
}

// --- select, derive, omit ---

TEST(SelectTest, RenamesWithoutCopyingAndComputesTheRest) {
  const Batch rows = Rows();
  const StepSpec step = Step(
      "select", {{"name", Col("s", "string")}, {"y", Call("neg", {X()})}, {"id", Col("id", "i64")}},
      {S({{"name", "string"}, {"y", "f32"}, {"id", "i64"}})});
  const Result<Batch> out = RunStep(step, rows);
  EXPECT_EQ(Text(out),
            "#0 name='a' y=-0.1 id=1\n#1 name='b' y=-0.5 id=2\n#2 name='c' y=-0.9 id=3\n");
  EXPECT_EQ(DataOf(out->column(0)), DataOf(rows.column(2)));
  EXPECT_EQ(TextRowByRow(step, rows), Text(out));
}

TEST(SelectTest, SeesTheInputAlone) {
  const StepSpec swap = Step("select", {{"s", Col("x", "f32")}, {"x", Col("s", "string")}},
                             {S({{"s", "f32"}, {"x", "string"}})});
  EXPECT_EQ(Text(RunStep(swap, Rows())), "#0 s=0.1 x='a'\n#1 s=0.5 x='b'\n#2 s=0.9 x='c'\n");
  EXPECT_EQ(MakeError(Step("select", {{"y", X()}, {"z", Col("y", "f32")}},
                           {S({{"y", "f32"}, {"z", "f32"}})}),
                      {In()}),
            "invalid argument: no column `y` in (id: i64, x: f32, s: string, v: f32[N])");
}

TEST(DeriveTest, SeesEarlierOnesOfTheSameStep) {
  const StepSpec step = Step("derive",
                             {{"y", Call("add", {X(), X()})},
                              {"z", Call("add", {Col("y", "f32"), X()})},
                              {"top", Call("max", {Col("v", "f32[N]")})}},
                             {S({{"id", "i64"}, {"z", "f32"}, {"top", "f32"}})});
  EXPECT_EQ(Text(RunStep(step, Rows())),
            "#0 id=1 z=0.3 top=1\n#1 id=2 z=1.5 top=3\n#2 id=3 z=2.7 top=4\n");
  EXPECT_EQ(TextRowByRow(step, Rows()), Text(RunStep(step, Rows())));
}

TEST(DeriveTest, WhatNobodyReadsIsNotComputed) {
  const StepSpec step =
      Step("derive", {{"bad", Call("i64", {Col("s", "string")})}, {"y", Call("neg", {X()})}},
           {S({{"y", "f32"}})});
  EXPECT_EQ(Text(RunStep(step, Rows())), "#0 y=-0.1\n#1 y=-0.5\n#2 y=-0.9\n");
}

TEST(DeriveTest, AnErrorNamesTheRowOfTheRequest) {
  const Batch rows(In(), Rows().columns(), 3,
                   std::make_shared<const std::vector<int64_t>>(std::vector<int64_t>{4, 7, 9}));
  const StepSpec step =
      Step("derive", {{"n", Call("i64", {Col("s", "string")})}}, {S({{"n", "i64"}})});
  const Result<Batch> out = RunStep(step, rows);
  ASSERT_FALSE(out.ok());
  EXPECT_EQ(out.error().row_id, 4);
  EXPECT_EQ(out.error().message, "\"a\" is no i64");
}

TEST(OmitTest, CarriesWhatTheOutputNames) {
  const Batch rows = Rows();
  const Result<Batch> out = RunStep(Step("omit", {}, {S({{"s", "string"}})}), rows);
  EXPECT_EQ(Text(out), "#0 s='a'\n#1 s='b'\n#2 s='c'\n");
  EXPECT_EQ(DataOf(out->column(0)), DataOf(rows.column(2)));
  EXPECT_EQ(&RunStep(Step("omit", {}, {In()}), rows)->columns(), &rows.columns());
  EXPECT_EQ(MakeError(Step("omit", {}, {S({{"y", "f32"}})}), {In()}),
            "invalid argument: no column `y` in (id: i64, x: f32, s: string, v: f32[N])");
}

// --- filter ---

TEST(FilterTest, KeepsTheRowsThatAreTrue) {
  const Batch rows = Rows();
  const StepSpec step = Step("filter", {{"where", AtLeast(0.5)}}, {S({{"id", "i64"}})});
  const Result<Batch> out = RunStep(step, rows);
  EXPECT_EQ(Text(out), "#1 id=2\n#2 id=3\n");
  EXPECT_EQ(DataOf(out->column(0)), rows.column(0).Row(1).const_data_ptr());  // a range
  EXPECT_EQ(TextRowByRow(step, rows), Text(out));
}

TEST(FilterTest, AllRowsAreTheBatchItself) {
  const Batch rows = Rows();
  EXPECT_EQ(&RunStep(Step("filter", {{"where", AtLeast(0)}}, {In()}), rows)->columns(),
            &rows.columns());
  EXPECT_EQ(RunStep(Step("filter", {{"where", AtLeast(2)}}, {In()}), rows)->num_rows(), 0);
}

TEST(FilterTest, NanIsAnErrorOfItsRow) {
  const Batch rows(S({{"x", "f32"}}), {Floats({0.5F, std::nanf(""), 0.7F})}, 3,
                   std::make_shared<const std::vector<int64_t>>(std::vector<int64_t>{4, 7, 9}));
  const auto kept = [&](const Expression& where) {
    return Text(RunStep(Step("filter", {{"where", where}}, {rows.schema()}), rows));
  };
  EXPECT_EQ(kept(AtLeast(0)),
            "failed: row 8: `x` is NaN, which is neither below nor above anything: `if x == x then "
            "x else 0.0` gives such an x a value");
  EXPECT_EQ(kept(Call("and", {Call("eq", {X(), X()}), AtLeast(0.6)})), "#9 x=0.7\n");
}

TEST(FilterTest, WantsOneCondition) {
  EXPECT_EQ(MakeError(Step("filter", {{"where", X()}}, {In()}), {In()}),
            "invalid argument: filter wants a bool, this is f32");
  EXPECT_EQ(MakeError(Step("filter", {}, {In()}), {In()}),
            "invalid argument: filter wants one input and one expression `where`");
}

// --- split and union ---

StepSpec SplitAt(double limit) { return Step("split", {{"where", AtLeast(limit)}}, {In(), In()}); }
StepSpec UnionOf(size_t num_inputs, const SchemaPtr& output) {
  StepSpec step = Step("union", {}, {output});
  for (const engine::Field& field : output->fields()) {
    step.sources.push_back({field.name, std::vector<std::string>(num_inputs, field.name)});
  }
  return step;
}

TEST(SplitTest, BothSidesKeepOrderAndIds) {
  const auto sides = RunSplit(SplitAt(0.5), Rows());
  EXPECT_EQ(Text((*sides)[0]), "#1 id=2 x=0.5 s='b' v=[2, 3]\n#2 id=3 x=0.9 s='c' v=[4]\n");
  EXPECT_EQ(Text((*sides)[1]), "#0 id=1 x=0.1 s='a' v=[1]\n");
}

TEST(SplitTest, WhereOneSideGetsAllNothingIsCopied) {
  const Batch rows = Rows();
  const auto sides = RunSplit(SplitAt(0), rows);
  EXPECT_EQ(&(*sides)[0].columns(), &rows.columns());
  EXPECT_EQ((*sides)[1].num_rows(), 0);
  EXPECT_EQ(&(*RunSplit(SplitAt(2), rows))[1].columns(), &rows.columns());
}

TEST(SplitTest, SidesMayCarryDifferentColumns) {
  const StepSpec step = Step("split", {{"where", AtLeast(0.5)}},
                             {S({{"id", "i64"}}), S({{"s", "string"}, {"x", "f32"}})});
  const auto sides = RunSplit(step, Rows());
  EXPECT_EQ(Text((*sides)[0]), "#1 id=2\n#2 id=3\n");
  EXPECT_EQ(Text((*sides)[1]), "#0 s='a' x=0.1\n");
}

TEST(SplitTest, TheFirstOfSeveralConditionsTakesARow) {
  const StepSpec step = Step("split", {{"where", AtLeast(0.9)}, {"where", AtLeast(0.5)}},
                             {In(), S({{"id", "i64"}}), In()});
  const auto parts = RunSplit(step, Rows());
  EXPECT_EQ(Text((*parts)[0]), "#2 id=3 x=0.9 s='c' v=[4]\n");
  EXPECT_EQ(Text((*parts)[1]), "#1 id=2\n");
  EXPECT_EQ(Text((*parts)[2]), "#0 id=1 x=0.1 s='a' v=[1]\n");
}

TEST(SplitTest, WantsAnOutputForEachConditionAndOneMore) {
  EXPECT_EQ(MakeError(Step("split", {{"where", AtLeast(0.5)}}, {In(), In(), In()}), {In()}),
            "invalid argument: split has an output for each condition and one more");
  EXPECT_EQ(MakeError(Step("split", {}, {In()}), {In()}),
            "invalid argument: split wants an expression `where`");
}

TEST(UnionTest, PutsRowsBackInTheOrderOfTheRequest) {
  const auto sides = RunSplit(SplitAt(0.5), Rows());
  const Result<Batch> whole = RunUnion(UnionOf(2, In()), {(*sides)[0], (*sides)[1]});
  EXPECT_EQ(Text(whole), Text(Rows()));
  EXPECT_EQ(whole->row_ids(), nullptr);
}

TEST(UnionTest, RowsOfOneInputAreHandedOn) {
  const Batch rows = Rows();
  const Result<Batch> whole = RunUnion(UnionOf(2, In()), {Batch::Empty(In()), rows});
  EXPECT_EQ(Text(whole), Text(rows));
  EXPECT_EQ(DataOf(whole->column(1)), DataOf(rows.column(1)));
  EXPECT_EQ(RunUnion(UnionOf(2, In()), {Batch::Empty(In()), Batch::Empty(In())})->num_rows(), 0);
}

TEST(UnionTest, TakesEachColumnFromWhereItIsCalledOtherwise) {
  StepSpec step = Step("union", {}, {S({{"by", "string"}, {"n", "i64"}})});
  step.sources = {{"by", {"by", "by.2"}}, {"n", {"n", "m"}}};
  const Batch a(S({{"n", "i64"}, {"by", "string"}}), {Ints({1, 2}), Texts({"a", "a"})}, 2,
                std::make_shared<const std::vector<int64_t>>(std::vector<int64_t>{0, 3}));
  const Batch b(S({{"by.2", "string"}, {"m", "i64"}}), {Texts({"b", "b"}), Ints({5, 6})}, 2,
                std::make_shared<const std::vector<int64_t>>(std::vector<int64_t>{2, 3}));
  EXPECT_EQ(Text(RunUnion(step, {a, b})),
            "#0 by='a' n=1\n#2 by='b' n=5\n#3 by='a' n=2\n#3 by='b' n=6\n");
}

TEST(UnionTest, RefusesWhatDoesNotMatch) {
  StepSpec step = UnionOf(2, S({{"x", "f32"}}));
  EXPECT_EQ(MakeError(step, {S({{"x", "f32"}}), S({{"y", "f32"}})}),
            "invalid argument: union: input 2 has no column `x: f32`, it is (y: f32)");
  EXPECT_EQ(MakeError(step, {S({{"x", "f32"}}), S({{"x", "f64"}})}),
            "invalid argument: union: input 2 has no column `x: f32`, it is (x: f64)");
  EXPECT_EQ(MakeError(step, {S({{"x", "f32"}})}),
            "invalid argument: union: `x` has 2 sources, there are 1 inputs");
}

Batch RandomRows(std::mt19937& random) {
  const size_t num_rows = random() % 20;
  std::vector<int64_t> ids;
  std::vector<float> xs;
  std::vector<std::string> names;
  std::vector<std::vector<double>> vectors;
  for (size_t i = 0; i < num_rows; ++i) {
    ids.push_back(static_cast<int64_t>(random() % 1000));
    xs.push_back(static_cast<float>(random() % 100) / 100);
    names.push_back(std::string(random() % 5, static_cast<char>('a' + random() % 26)));
    vectors.emplace_back(random() % 3, 0.5);
  }
  return MakeBatch(In(), {Ints(ids), Floats(xs), Texts(names),
                          num_rows == 0 ? Column::Empty(T("f32[N]")) : Ragged(vectors)});
}

TEST(PropertyTest, UnionUndoesSplit) {
  std::mt19937 random(11);
  for (int round = 0; round < 100; ++round) {
    const Batch rows = RandomRows(random);
    const auto halves = RunSplit(SplitAt(static_cast<double>(random() % 100) / 100), rows);
    const auto quarters = RunSplit(SplitAt(0.5), (*halves)[0]);
    std::vector<Batch> parts = {(*quarters)[1], (*halves)[1], (*quarters)[0]};
    std::shuffle(parts.begin(), parts.end(), random);
    EXPECT_EQ(Text(RunUnion(UnionOf(3, In()), parts)), Text(rows));
  }
}

TEST(PropertyTest, WholeBatchesAndSingleRowsAnswerAlike) {
  std::mt19937 random(12);
  const StepSpec steps[] = {
      Step("filter", {{"where", AtLeast(0.5)}}, {In()}),
      Step("derive",
           {{"n", Call("len", {Col("s", "string")})},
            {"t", Call("sum", {Call("mul", {Col("v", "f32[N]"), X()})})},
            {"w", Call("if", {AtLeast(0.3), Col("s", "string"), Lit("?", "string")})}},
           {S({{"n", "i64"}, {"t", "f32"}, {"w", "string"}, {"v", "f32[N]"}})}),
  };
  for (int round = 0; round < 50; ++round) {
    const Batch rows = RandomRows(random);
    for (const StepSpec& step : steps)
      EXPECT_EQ(Text(RunStep(step, rows)), TextRowByRow(step, rows));
  }
}

}  // namespace
}  // namespace raceway::operators
