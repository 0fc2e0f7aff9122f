// sort, limit, explode, fail, drop
#include <gtest/gtest.h>

#include <limits>

#include "tests/operators/steps.h"

namespace raceway::operators {
namespace {

using namespace testing;  // NOLINT

StepSpec Step(std::string op, std::vector<engine::NamedExpression> expressions, SchemaPtr output) {
  StepSpec step;
  step.op = std::move(op);
  step.expressions = std::move(expressions);
  step.outputs = {*output};
  return step;
}

const SchemaPtr& In() {
  static const SchemaPtr schema =
      S({{"id", "i64"}, {"x", "f32"}, {"s", "string"}, {"v", "f32[N]"}, {"w", "i64[N]"}});
  return schema;
}
/// Rows 0 and 2 are equal by `s`, rows 1 and 3 by `x`.
Batch Rows() {
  return MakeBatch(In(),
                   {Ints({1, 2, 3, 4}), Floats({0.5F, -1, 2, -1}), Texts({"b", "a", "b", "é"}),
                    Ragged({{1}, {}, {2, 3}, {4}}), Ragged({{10}, {}, {20, 30}, {40}}, at::kLong)});
}
const SchemaPtr& Id() {
  static const SchemaPtr schema = S({{"id", "i64"}});
  return schema;
}
std::string SortedIds(std::vector<engine::NamedExpression> keys, Batch rows = Rows()) {
  return Text(RunStep(Step("sort", std::move(keys), Id()), std::move(rows)));
}

// --- sort ---

TEST(SortTest, GoesByTheFirstKeyThenTheNext) {
  EXPECT_EQ(SortedIds({{"ascending", Col("s", "string")}, {"descending", Col("x", "f32")}}),
            "#1 id=2\n#2 id=3\n#0 id=1\n#3 id=4\n");
  EXPECT_EQ(SortedIds({{"descending", Col("s", "string")}}),
            "#3 id=4\n#0 id=1\n#2 id=3\n#1 id=2\n");
}

TEST(SortTest, LeavesEqualRowsAsTheyCame) {
  EXPECT_EQ(SortedIds({{"ascending", Col("x", "f32")}}), "#1 id=2\n#3 id=4\n#0 id=1\n#2 id=3\n");
  EXPECT_EQ(SortedIds({{"descending", Col("x", "f32")}}), "#2 id=3\n#0 id=1\n#1 id=2\n#3 id=4\n");
}

TEST(SortTest, CopiesNothingThatIsInOrder) {
  const Batch rows = Rows();
  const Result<Batch> out = RunStep(Step("sort", {{"ascending", Col("id", "i64")}}, In()), rows);
  ASSERT_TRUE(out.ok());
  EXPECT_EQ(DataOf(out->column(0)), DataOf(rows.column(0)));
  EXPECT_EQ(Text(out), Text(rows));
}

TEST(SortTest, NanComesLastAndZerosAreEqual) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float inf = std::numeric_limits<float>::infinity();
  const SchemaPtr schema = S({{"id", "i64"}, {"x", "f32"}});
  const auto rows = [&] {
    return MakeBatch(schema, {Ints({1, 2, 3, 4, 5, 6}), Floats({nan, 0.0F, inf, -0.0F, -inf, 3})});
  };
  EXPECT_EQ(SortedIds({{"ascending", Col("x", "f32")}}, rows()),
            "#4 id=5\n#1 id=2\n#3 id=4\n#5 id=6\n#2 id=3\n#0 id=1\n");
  EXPECT_EQ(SortedIds({{"descending", Col("x", "f32")}}, rows()),
            "#2 id=3\n#5 id=6\n#1 id=2\n#3 id=4\n#4 id=5\n#0 id=1\n");
}

TEST(SortTest, KnowsTheEndsOfIntegers) {
  const SchemaPtr schema = S({{"id", "i64"}, {"u", "u64"}});
  const at::Tensor u = at::tensor(std::vector<int64_t>{-1, 0, 1}, at::kLong).view(at::kUInt64);
  const auto rows = [&] {
    return MakeBatch(
        schema,
        {Ints({std::numeric_limits<int64_t>::min(), 7, std::numeric_limits<int64_t>::max()}),
         Column(u)});
  };
  EXPECT_EQ(SortedIds({{"descending", Col("id", "i64")}}, rows()),
            "#2 id=9223372036854775807\n#1 id=7\n#0 id=-9223372036854775808\n");
  EXPECT_EQ(SortedIds({{"ascending", Col("u", "u64")}}, rows()),
            "#1 id=7\n#2 id=9223372036854775807\n#0 id=-9223372036854775808\n");
}

TEST(SortTest, RefusesWhatHasNoOrder) {
  EXPECT_EQ(MakeError(Step("sort", {{"ascending", Col("v", "f32[N]")}}, Id()), {In()}),
            "invalid argument: sort: `ascending` by f32[N] is no order of rows");
  EXPECT_EQ(MakeError(Step("sort", {{"sideways", Col("x", "f32")}}, Id()), {In()}),
            "invalid argument: sort: `sideways` by f32 is no order of rows");
  EXPECT_EQ(MakeError(Step("sort", {}, Id()), {In()}),
            "invalid argument: sort has one input, one output and keys");
}

// --- limit ---

StepSpec Limit(engine::Value count) {
  StepSpec step = Step("limit", {}, Id());
  step.options = {{"count", std::move(count)}};
  return step;
}

TEST(LimitTest, KeepsTheFirstRows) {
  EXPECT_EQ(Text(RunStep(Limit(int64_t{2}), Rows())), "#0 id=1\n#1 id=2\n");
  EXPECT_EQ(Text(RunStep(Limit(int64_t{0}), Rows())), "");
  EXPECT_EQ(RunStep(Limit(int64_t{9}), Rows())->num_rows(), 4);
  EXPECT_EQ(MakeError(Limit(int64_t{-1}), {In()}),
            "invalid argument: limit has one input, one output and a `count`, 0 or more");
  EXPECT_EQ(MakeError(Limit("two"), {In()}),
            "invalid argument: limit has one input, one output and a `count`, 0 or more");
}

// --- explode ---

StepSpec Explode(std::vector<std::pair<std::string, std::string>> columns, SchemaPtr output) {
  StepSpec step = Step("explode", {}, std::move(output));
  step.arguments = columns;
  for (auto& [name, column] : columns) column += ".2";
  step.results = std::move(columns);
  return step;
}

TEST(ExplodeTest, MakesARowOfEachElement) {
  const StepSpec step =
      Explode({{"v", "v"}, {"w", "w"}}, S({{"id", "i64"}, {"v.2", "f32"}, {"w.2", "i64"}}));
  const Result<Batch> out = RunStep(step, Rows());
  EXPECT_EQ(Text(out),
            "#0 id=1 v.2=1 w.2=10\n#2 id=3 v.2=2 w.2=20\n#2 id=3 v.2=3 w.2=30\n"
            "#3 id=4 v.2=4 w.2=40\n");
  EXPECT_EQ(TextRowByRow(step, Rows()), Text(out));
}

TEST(ExplodeTest, LeavesTheOtherDimensions) {
  const SchemaPtr schema = S({{"id", "i64"}, {"box", "f32[2, 3]"}});
  const Batch rows = MakeBatch(
      schema, {Ints({1, 2}), Column(at::tensor({0., 1., 2., 3., 4., 5., 6., 7., 8., 9., 10., 11.})
                                        .to(at::kFloat)
                                        .view({2, 2, 3}))});
  const Result<Batch> out =
      RunStep(Explode({{"box", "box"}}, S({{"id", "i64"}, {"box.2", "f32[3]"}})), rows);
  EXPECT_EQ(Text(out),
            "#0 id=1 box.2=[0, 1, 2]\n#0 id=1 box.2=[3, 4, 5]\n"
            "#1 id=2 box.2=[6, 7, 8]\n#1 id=2 box.2=[9, 10, 11]\n");
  EXPECT_EQ(DataOf(out->column(1)), DataOf(rows.column(1))) << "nothing is copied";
}

TEST(ExplodeTest, OfNothingIsNothing) {
  const StepSpec step = Explode({{"v", "v"}}, S({{"id", "i64"}, {"v.2", "f32"}}));
  EXPECT_EQ(Text(RunStep(step, Batch::Empty(In()))), "");
  const Batch empty = MakeBatch(S({{"id", "i64"}, {"v", "f32[N]"}}), {Ints({1}), Ragged({{}})});
  EXPECT_EQ(Text(RunStep(step, empty)), "");
}

TEST(ExplodeTest, WantsOneLengthInEachRow) {
  const SchemaPtr schema = S({{"v", "f32[N]"}, {"w", "f32[M]"}});
  const Batch rows = MakeBatch(schema, {Ragged({{1}, {2, 3}}), Ragged({{1}, {2}})});
  const Result<Batch> out =
      RunStep(Explode({{"v", "v"}, {"w", "w"}}, S({{"v.2", "f32"}, {"w.2", "f32"}})), rows);
  ASSERT_FALSE(out.ok());
  EXPECT_EQ(out.error().Text(), "row 2: `v` has 2 elements, `w` has 1");
  EXPECT_EQ(MakeError(Explode({{"id", "id"}}, S({{"id.2", "i64"}})), {In()}),
            "invalid argument: explode wants a column with a dimension, `id` is none");
}

// --- fail, drop ---

TEST(FailTest, SaysItsMessageOfTheFirstRow) {
  const Expression message = Call("concat", {Lit("no ", "string"), Col("s", "string")});
  const StepSpec step = Step("fail", {{"message", message}}, Id());
  Batch rows = Rows();
  const Result<Batch> out = RunStep(step, RowByRow(rows)[2]);
  ASSERT_FALSE(out.ok());
  EXPECT_EQ(out.error().code, engine::ErrorCode::kFailed);
  EXPECT_EQ(out.error().Text(), "row 3: no b");
  EXPECT_EQ(Text(RunStep(step, Batch::Empty(In()))), "");
  EXPECT_EQ(MakeError(Step("fail", {{"message", Col("x", "f32")}}, Id()), {In()}),
            "invalid argument: fail has one input, one output and a message, which is a string");
}

TEST(DropTest, HasNoRowsOfAnyColumns) {
  const Result<Batch> out =
      RunStep(Step("drop", {}, S({{"new", "f32[3]"}, {"s", "string"}})), Rows());
  ASSERT_TRUE(out.ok());
  EXPECT_EQ(out->num_rows(), 0);
  EXPECT_EQ(ToString(*out->schema()), "(new: f32[3], s: string)");
}

}  // namespace
}  // namespace raceway::operators
