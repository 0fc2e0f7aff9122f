#include "operators/expressions.h"

#include <gtest/gtest.h>

#include "tests/operators/steps.h"

namespace raceway::operators {
namespace {

using namespace testing;  // NOLINT

const SchemaPtr& Scope() {
  static const SchemaPtr schema =
      S({{"n", "i64"}, {"d", "i64"}, {"x", "f32"}, {"s", "string"}, {"v", "f32[N]"}});
  return schema;
}

Batch Rows() {
  return MakeBatch(Scope(), {Ints({10, 20, 30}), Ints({1, 0, 3}), Floats({0.1F, 0.5F, 0.9F}),
                             Texts({"a", "7", "c"}), Ragged({{1}, {2, 3}, {4}})});
}

std::string Eval(const Expression& expression) {
  const auto bound = BoundExpression::Bind(expression, *Scope());
  if (!bound) return "cannot bind: " + bound.error().message;
  const Batch rows = Rows();
  return Text(bound->Evaluate(rows.columns(), rows.num_rows()));
}

Expression N() { return Col("n", "i64"); }
Expression D() { return Col("d", "i64"); }
Expression X() { return Col("x", "f32"); }
Expression IsZero(Expression e) { return Call("eq", {std::move(e), Lit(int64_t{0}, "i64")}); }

TEST(ExpressionTest, ColumnsConstantsAndCalls) {
  EXPECT_EQ(Eval(N()), "10 20 30");
  EXPECT_EQ(Eval(Lit(0.5, "f32")), "0.5 0.5 0.5");
  EXPECT_EQ(Eval(Lit("é", "string")), "'é' 'é' 'é'");
  EXPECT_EQ(Eval(Call("ge", {X(), Lit(0.5, "f32")})), "false true true");
  EXPECT_EQ(Eval(Call("add", {N(), Call("mul", {D(), Lit(int64_t{2}, "i64")})})), "12 20 36");
  EXPECT_EQ(Eval(Call("concat", {Lit("<", "string"), Col("s", "string"), Lit(">", "string")})),
            "'<a>' '<7>' '<c>'");
  EXPECT_EQ(Eval(Call("max", {Col("v", "f32[N]")})), "1 3 4");
}

TEST(ExpressionTest, APlainColumnIsNotCopied) {
  const auto bound = BoundExpression::Bind(X(), *Scope());
  EXPECT_EQ(bound->plain_column(), 2);
  const Batch rows = Rows();
  EXPECT_EQ(DataOf(*bound->Evaluate(rows.columns(), 3)), DataOf(rows.column(2)));
}

TEST(ExpressionTest, AnErrorNamesItsRow) {
  EXPECT_EQ(Eval(Call("div", {N(), D()})), "failed: row 2: division of an integer by 0");
  EXPECT_EQ(Eval(Call("i64", {Col("s", "string")})), "failed: row 1: \"a\" is no i64");
}

// A user who asks `d != 0 and n / d > 5` has thought of 0.
TEST(ExpressionTest, ABranchThatARowDoesNotTakeCannotFailIt) {
  const Expression quotient = Call("div", {N(), D()});
  const Expression is_big = Call("gt", {quotient, Lit(int64_t{5}, "i64")});
  EXPECT_EQ(Eval(Call("and", {Call("not", {IsZero(D())}), is_big})), "true false true");
  EXPECT_EQ(Eval(Call("or", {IsZero(D()), is_big})), "true true true");
  EXPECT_EQ(Eval(Call("if", {IsZero(D()), Lit(int64_t{-1}, "i64"), quotient})), "10 -1 10");
  EXPECT_EQ(Eval(Call("if", {Call("not", {IsZero(D())}), quotient, N()})), "10 20 10");
  const Expression number = Call("i64", {Col("s", "string")});
  EXPECT_EQ(Eval(Call("if", {IsZero(D()), number, N()})), "10 7 30");
}

TEST(ExpressionTest, AnErrorInATakenBranchStaysOne) {
  const Expression quotient = Call("div", {N(), D()});
  EXPECT_EQ(Eval(Call("if", {Call("lt", {X(), Lit(0.8, "f32")}), quotient, N()})),
            "failed: row 2: division of an integer by 0");
}

TEST(ExpressionTest, AnErrorNamesWhatIsNaNIfThatIsShort) {
  const Expression half = Lit(0.5, "f32");
  const Expression nan = Call("sqrt", {Call("neg", {X()})});
  const auto error = [&](const Expression& left, const Expression& right) {
    const std::string text = Eval(Call("lt", {left, right}));
    return text.substr(0, text.find(","));
  };
  EXPECT_EQ(error(nan, half), "failed: row 1: the left side is NaN");
  Expression sum = nan;
  for (int i = 0; i < 10; ++i) sum = Call("add", {sum, X()});
  EXPECT_EQ(error(sum, half), "failed: row 1: the left side is NaN");
  EXPECT_EQ(error(half, sum), "failed: row 1: the right side is NaN");
}

TEST(ExpressionTest, NanIsAskedForLikeADivisorOfZero) {
  const Expression half = Lit(0.5, "f32");
  const Expression nan = Call("sqrt", {Call("sub", {X(), half})});  // in the first row
  const Expression is_number = Call("eq", {nan, nan});
  const Expression is_large = Call("gt", {nan, half});
  EXPECT_EQ(Eval(Call("and", {is_number, is_large})), "false false true");
  EXPECT_EQ(Eval(Call("or", {Call("not", {is_number}), is_large})), "true false true");
  EXPECT_EQ(Eval(Call("if", {is_number, is_large, Lit(true, "bool")})), "true false true");
}

TEST(ExpressionTest, AConditionThatIsTheSameInAllRows) {
  const Expression yes = Lit(true, "bool");
  const Expression no = Lit(false, "bool");
  const Expression quotient = Call("div", {N(), D()});
  EXPECT_EQ(Eval(Call("if", {yes, N(), quotient})), "10 20 30");
  EXPECT_EQ(Eval(Call("if", {no, quotient, D()})), "1 0 3");
  EXPECT_EQ(Eval(Call("or", {yes, IsZero(quotient)})), "true true true");
}

TEST(ExpressionTest, NoRowsGiveNoRows) {
  const Batch none = Batch::Empty(Scope());
  for (const Expression& expression :
       {N(), Lit(0.5, "f32"), Call("max", {Col("v", "f32[N]")}),
        Call("if", {IsZero(D()), N(), D()}), Call("concat", {Col("s", "string")})}) {
    const auto bound = BoundExpression::Bind(expression, *Scope());
    ASSERT_TRUE(bound.ok());
    const Result<Column> value = bound->Evaluate(none.columns(), 0);
    ASSERT_TRUE(value.ok()) << ToString(expression) << ": " << value.error().message;
    EXPECT_EQ(value->num_rows(), 0);
    EXPECT_EQ(Text(value->CheckType(expression.type)), "fine");
  }
}

// A plan may come from a file that nobody checked.
TEST(ExpressionTest, RefusesWhatNoCompilerWouldWrite) {
  EXPECT_EQ(Eval(Col("y", "i64")),
            "cannot bind: no column `y` in (n: i64, d: i64, x: f32, s: string, v: f32[N])");
  EXPECT_EQ(Eval(Col("n", "f32")), "cannot bind: column `n` is i64, the expression has f32");
  EXPECT_EQ(Eval(Expression::Call("add", {N(), X()}, T("i64"))),
            "cannot bind: `+` wants two numbers of one type, these are i64 and f32");
  EXPECT_EQ(Eval(Expression::Call("add", {N()}, T("i64"))),
            "cannot bind: `add` does not take 1 arguments");
  EXPECT_EQ(Eval(Expression::Call("add", {N(), N()}, T("f32"))),
            "cannot bind: `add(n, n)` is i64, the plan says f32");
  EXPECT_EQ(Eval(Expression::Call("rm", {N()}, T("i64"))), "cannot bind: no column function `rm`");
  EXPECT_EQ(Eval(Lit("a", "i64")), "cannot bind: the constant \"a\" is no i64");
}

}  // namespace
}  // namespace raceway::operators
