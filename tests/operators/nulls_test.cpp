// Values that may be missing, in expressions and in operators.
#include <gtest/gtest.h>

#include "operators/expressions.h"
#include "tests/operators/steps.h"

namespace raceway::operators {
namespace {

using namespace testing;  // NOLINT

const SchemaPtr& Rows() {
  static const SchemaPtr schema = S({{"n", "i64"}, {"d", "i64?"}, {"name", "string?"}});
  return schema;
}
Batch Some() {
  return MakeBatch(
      Rows(), {Ints({10, 20, 30}), Ints({2, 0, 5}).WithValidity(Bools({true, false, true}).dense()),
               Texts({"a", "", "c"}).WithValidity(Bools({false, true, true}).dense())});
}

std::string Eval(const Expression& expression) {
  const Result<BoundExpression> bound = BoundExpression::Bind(expression, *Rows());
  if (!bound) return bound.error().Text();
  const Batch rows = Some();
  return Text(bound->Evaluate(rows.columns(), rows.num_rows()));
}

Expression D() { return Col("d", "i64?"); }
Expression IsNull(Expression of) { return Call("is_null", {std::move(of)}); }

TEST(NullsTest, AreAskedFor) {
  EXPECT_EQ(Eval(IsNull(D())), "false true false");
  EXPECT_EQ(Eval(Call("not", {IsNull(Col("name", "string?"))})), "false true true");
  EXPECT_EQ(Eval(IsNull(Call("optional", {Col("n", "i64")}))), "false false false");
}

TEST(NullsTest, GetAValue) {
  EXPECT_EQ(Eval(Call("coalesce", {D(), Lit(int64_t{7}, "i64")})), "2 7 5");
  EXPECT_EQ(Eval(Call("coalesce", {D(), Col("n", "i64")})), "2 20 5");
  EXPECT_EQ(Eval(Call("coalesce", {D(), D()})), "2 null 5");
  EXPECT_EQ(Eval(Call("coalesce", {Col("name", "string?"), Lit("-", "string")})), "'-' '' 'c'");
}

TEST(NullsTest, TheRightSideMattersOnlyWhereItIsTaken) {
  // n / (d - 2) fails in the first row, which has a value.
  const Expression d = Call("value", {D()});
  const Expression risky = Call("div", {Col("n", "i64"), Call("sub", {d, Lit(int64_t{2}, "i64")})});
  EXPECT_EQ(Eval(Call("coalesce", {D(), risky})), "2 -10 5");
}

TEST(NullsTest, WhatIsBelowANullRaisesNoError) {
  // There is a 0 below the null.
  const Expression share = Call("div", {Col("n", "i64"), Call("value", {D()})});
  EXPECT_EQ(Eval(Call("if", {IsNull(D()), Lit(int64_t{-1}, "i64"), share})), "5 -1 6");
  EXPECT_EQ(
      Eval(Call("and", {Call("not", {IsNull(D())}), Call("gt", {share, Lit(int64_t{5}, "i64")})})),
      "false false true");
}

TEST(NullsTest, NanBelowANullIsNotCompared) {
  const SchemaPtr schema = S({{"x", "f32?"}});
  const Column x =
      Floats({0.5F, std::nanf(""), 2}).WithValidity(Bools({true, false, true}).dense());
  const Expression is_null = IsNull(Col("x", "f32?"));
  const Expression is_large = Call("gt", {Call("value", {Col("x", "f32?")}), Lit(1.0, "f32")});
  const auto eval = [&](const Expression& expression) {
    const Column columns[] = {x};
    return Text(BoundExpression::Bind(expression, *schema)->Evaluate(columns, 3));
  };
  EXPECT_EQ(eval(Call("and", {Call("not", {is_null}), is_large})), "false false true");
  EXPECT_EQ(eval(Call("or", {is_null, is_large})), "false true true");
  EXPECT_EQ(eval(Call("if", {is_null, Lit(true, "bool"), is_large})), "false true true");
}

TEST(NullsTest, BranchesMayBeNull) {
  const Expression is_large = Call("gt", {Col("n", "i64"), Lit(int64_t{15}, "i64")});
  EXPECT_EQ(Eval(Call("if", {is_large, D(), Lit(engine::Value(), "i64?")})), "null null 5");
  EXPECT_EQ(Eval(Call("if", {is_large, Call("optional", {Col("n", "i64")}), D()})), "2 20 30");
  EXPECT_EQ(Eval(Call("if", {is_large, Col("name", "string?"), Lit(engine::Value(), "string?")})),
            "null '' 'c'");
}

TEST(NullsTest, OtherFunctionsRefuseThem) {
  const auto type = [](const std::string& name, const std::vector<std::string>& args) {
    std::vector<engine::Type> types;
    for (const std::string& arg : args) types.push_back(T(arg));
    const auto result = Contracts().FindColumnFunction(name)->TypeOf(types, {});
    return result.ok() ? ToString(*result) : result.error().message;
  };
  for (const auto& contract : Contracts().column_functions()) {
    if (contract.name == "is_null" || contract.name == "coalesce" || contract.name == "value") {
      continue;
    }
    for (const char* of : {"f32?", "bool?", "string?", "f32[3]?"}) {
      const std::vector<engine::Type> types(contract.min_args, T(of));
      const std::vector<engine::Value> unknown(types.size());
      EXPECT_FALSE(contract.TypeOf(types, unknown).ok()) << contract.name << " of " << of;
    }
  }
  EXPECT_EQ(type("coalesce", {"f32?", "f32"}), "f32");
  EXPECT_EQ(type("coalesce", {"f32?", "f32?"}), "f32?");
  EXPECT_EQ(type("coalesce", {"f32", "f32"}), "f32 is never null");
  EXPECT_EQ(type("coalesce", {"f32?", "i64"}),
            "`??` wants f32? and a value of that type, these are f32? and i64");
  EXPECT_EQ(type("if", {"bool", "f32?", "f32?"}), "f32?");
  EXPECT_EQ(type("if", {"bool", "f32?", "f32"}),
            "`if` wants the same type on both branches, these are f32? and f32");
}

TEST(NullsTest, APlanCannotHideThem) {
  EXPECT_EQ(Eval(Call("add", {Col("d", "i64"), Col("n", "i64")})),
            "column `d` is i64?, the expression has i64");
}

Result<Batch> RunJoin(const StepSpec& step, const Batch& left, const Batch& right) {
  Result<AnyOperator> made = Make(step, {left.schema(), right.schema()});
  if (!made) return std::move(made).error();
  const engine::CancelToken cancel;
  const engine::SteadyClock clock;
  engine::RunContext context{cancel, clock};
  std::vector<Batch> inputs = {left, right};
  return std::get<std::unique_ptr<engine::Merger>>(*made)->Run(inputs, context);
}

class OuterJoinTest : public ::testing::Test {
 protected:
  const SchemaPtr left_ = S({{"k", "string"}, {"a", "i64"}});
  const SchemaPtr right_ = S({{"key", "string"}, {"b", "f32[N]"}});
  const Batch some_ = MakeBatch(left_, {Texts({"x", "y", "z"}), Ints({1, 2, 3})});
  const Batch others_ =
      MakeBatch(right_, {Texts({"z", "w", "x", "z"}), Ragged({{1}, {2, 3}, {4}, {5}})});

  static StepSpec ByKey(const std::string& how) {
    StepSpec step;
    step.op = "join";
    step.arguments = {{"left", "k"}, {"right", "key"}};
    step.results = {{"b", "b.2"}};
    step.options = {{"how", Value(how)}};
    return step;
  }
};

TEST_F(OuterJoinTest, LeftKeepsAllRowsOfTheLeft) {
  StepSpec step = ByKey("left");
  step.outputs = {*S({{"k", "string"}, {"a", "i64"}, {"b.2", "f32[N]?"}})};
  EXPECT_EQ(Text(RunJoin(step, some_, others_)),
            "#0 k='x' a=1 b.2=[4]\n#1 k='y' a=2 b.2=null\n#2 k='z' a=3 b.2=[1]\n"
            "#2 k='z' a=3 b.2=[5]\n");
  EXPECT_EQ(Text(RunJoin(step, some_, Batch::Empty(right_))),
            "#0 k='x' a=1 b.2=null\n#1 k='y' a=2 b.2=null\n#2 k='z' a=3 b.2=null\n");
  EXPECT_EQ(Text(RunJoin(step, Batch::Empty(left_), others_)), "");
}

TEST_F(OuterJoinTest, FullKeepsAllRowsOfBoth) {
  StepSpec step = ByKey("full");
  step.sources = {{"k.2", {"k", "key"}}, {"a.2", {"a", ""}}};
  step.outputs = {*S({{"k.2", "string"}, {"a.2", "i64?"}, {"b.2", "f32[N]?"}})};
  EXPECT_EQ(Text(RunJoin(step, some_, others_)),
            "#0 k.2='x' a.2=1 b.2=[4]\n#1 k.2='y' a.2=2 b.2=null\n#2 k.2='z' a.2=3 b.2=[1]\n"
            "#2 k.2='z' a.2=3 b.2=[5]\n#1 k.2='w' a.2=null b.2=[2, 3]\n");
  EXPECT_EQ(Text(RunJoin(step, Batch::Empty(left_), others_)),
            "#0 k.2='z' a.2=null b.2=[1]\n#1 k.2='w' a.2=null b.2=[2, 3]\n"
            "#2 k.2='x' a.2=null b.2=[4]\n#3 k.2='z' a.2=null b.2=[5]\n");
}

TEST_F(OuterJoinTest, ByTheRowTheyComeFrom) {
  StepSpec step;
  step.op = "join";
  step.options = {{"how", "full"}};
  step.sources = {{"a.2", {"a", ""}}};
  step.results = {{"b", "b.2"}};
  step.outputs = {*S({{"k", "string"}, {"a.2", "i64?"}, {"b.2", "i64?"}})};
  const auto ids = [](std::vector<int64_t> rows) {
    return std::make_shared<const std::vector<int64_t>>(std::move(rows));
  };
  const Batch left(left_, {Texts({"x", "y"}), Ints({1, 2})}, 2, ids({0, 1}));
  const Batch right(S({{"k", "string"}, {"b", "i64"}}), {Texts({"y", "z"}), Ints({8, 9})}, 2,
                    ids({1, 2}));
  EXPECT_EQ(Text(RunJoin(step, left, right)),
            "#0 k='x' a.2=1 b.2=null\n#1 k='y' a.2=2 b.2=8\n#2 k='z' a.2=null b.2=9\n");
}

TEST_F(OuterJoinTest, MissingRowsNeedATypeThatHasThem) {
  StepSpec step = ByKey("left");
  step.outputs = {*S({{"k", "string"}, {"b.2", "f32[N]"}})};
  EXPECT_EQ(MakeError(step, {left_, right_}), "invalid argument: join: no column `b.2: f32[N]`");
  step = ByKey("full");
  step.outputs = {*S({{"a", "i64"}})};
  EXPECT_EQ(MakeError(step, {left_, right_}), "invalid argument: join: no column `a: i64`");
  step = ByKey("outer");
  step.outputs = {*S({{"k", "string"}})};
  EXPECT_EQ(MakeError(step, {left_, right_}), "invalid argument: join: `how` cannot be \"outer\"");
}

TEST(NullsTest, TheFirstValueOfAGroupMayBeNull) {
  StepSpec step;
  step.op = "agg";
  step.arguments = {{"", "g"}, {"first", "x"}};
  step.results = {{"first", "first"}};
  step.options = {{"first", engine::Value::Record{{"function", "first"}}}};
  step.outputs = {*S({{"g", "i64"}, {"first", "f32?"}})};
  const Column x = Floats({1, 2, 3}).WithValidity(Bools({false, true, true}).dense());
  const Batch rows = MakeBatch(S({{"g", "i64"}, {"x", "f32?"}}), {Ints({7, 8, 7}), x});
  EXPECT_EQ(Text(RunStep(step, rows)), "#0 g=7 first=null\n#1 g=8 first=2\n");
}

TEST(NullsTest, ModelsAndExplodeRefuseThem) {
  StepSpec step;
  step.op = "model";
  step.label = "map(m)";
  step.arguments = {{"x", "x"}};
  step.results = {{"y", "y"}};
  step.options = {{"source", "m.pt"}};
  step.outputs = {*S({{"y", "f32"}})};
  EXPECT_EQ(MakeError(step, {S({{"x", "f32?"}})}),
            "invalid argument: model m: `x` may be missing, a model gets values");
  step = StepSpec();
  step.op = "explode";
  step.arguments = {{"v", "v"}};
  step.results = {{"v", "v.2"}};
  step.outputs = {*S({{"v.2", "f32"}})};
  EXPECT_EQ(MakeError(step, {S({{"v", "f32[N]?"}})}),
            "invalid argument: explode wants a column with a dimension, `v` is none");
}

}  // namespace
}  // namespace raceway::operators
