#include "operators/column_functions.h"

#include <ATen/ops/rand.h>
#include <ATen/ops/stack.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/operators/calls.h"

namespace raceway::operators {
namespace {

using namespace testing;  // NOLINT

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(ArithmeticTest, ComputesInEveryNumberType) {
  for (const std::string type :
       {"i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "f16", "bf16", "f32", "f64"}) {
    const Arg a = OfType(type, {7, 6});
    const Arg b = OfType(type, {2, 3});
    EXPECT_EQ(Eval("add", {a, b}), "9 9") << type;
    EXPECT_EQ(Eval("sub", {a, b}), "5 3") << type;
    EXPECT_EQ(Eval("mul", {a, b}), "14 18") << type;
    EXPECT_EQ(Eval("div", {a, b}), type.find('f') == std::string::npos ? "3 2" : "3.5 2") << type;
    EXPECT_EQ(Eval("mod", {a, b}), "1 0") << type;
    EXPECT_EQ(Eval("abs", {a}), "7 6") << type;
    EXPECT_EQ(Eval("lt", {b, a}), "true true") << type;
    EXPECT_EQ(Eval("eq", {a, a}), "true true") << type;
    EXPECT_EQ(Eval("string", {a}), type.find('f') == std::string::npos ? "'7' '6'" : "'7.0' '6.0'");
  }
}

TEST(ArithmeticTest, IntegersWrapAround) {
  EXPECT_EQ(Eval("add", {OfType("u8", {250}), OfType("u8", {10})}), "4");
  EXPECT_EQ(Eval("sub", {OfType("u16", {0}), OfType("u16", {1})}), "65535");
  EXPECT_EQ(Eval("sub", {OfType("u64", {0}), OfType("u64", {1})}), "18446744073709551615");
  EXPECT_EQ(Eval("neg", {OfType("i8", {-128})}), "-128");
}

TEST(ArithmeticTest, IntegersAreDividedDownwards) {
  const Arg a{Ints({7, -7, 7, -7}), "i64"};
  const Arg b{Ints({2, 2, -2, -2}), "i64"};
  EXPECT_EQ(Eval("div", {a, b}), "3 -4 -4 3");
  EXPECT_EQ(Eval("mod", {a, b}), "1 1 -1 -1");
}

TEST(ArithmeticTest, TheSmallestNumberByMinusOneDoesNotTrap) {
  const Arg smallest{Ints({INT64_MIN}), "i64"};
  const Arg minus_one{Ints({-1}), "i64"};
  EXPECT_EQ(Eval("div", {smallest, minus_one}), "-9223372036854775808");
  EXPECT_EQ(Eval("mod", {smallest, minus_one}), "0");
  EXPECT_EQ(Eval("div", {OfType("i32", {-2147483648.0}), OfType("i32", {-1})}), "-2147483648");
}

TEST(ArithmeticTest, AnIntegerByZeroIsAnErrorOfItsRow) {
  EXPECT_EQ(Eval("div", {{Ints({1, 1}), "i64"}, {Ints({1, 0}), "i64"}}),
            "failed: row 2: division of an integer by 0");
  EXPECT_EQ(Eval("mod", {{Vectors({{1, 2}, {3, 4}}, at::kLong), "i64[2]"}, {Ints({0, 1}), "i64"}}),
            "failed: row 1: division of an integer by 0");
  EXPECT_EQ(Eval("div", {{Floats({1, 0}), "f32"}, {Floats({0, 0}), "f32"}}), "inf nan");
}

TEST(ArithmeticTest, AScalarMeetsEveryElementOfItsRow) {
  const Arg tensor{Vectors({{1, 2}, {3, 4}}), "f32[2]"};
  const Arg scalar{Floats({10, 100}), "f32"};
  EXPECT_EQ(Eval("mul", {tensor, scalar}), "[10, 20] [300, 400]");
  EXPECT_EQ(Eval("sub", {scalar, tensor}), "[9, 8] [97, 96]");
}

TEST(ArithmeticTest, RaggedColumnsAreTakenRowByRow) {
  const Arg ragged{Ragged({{1, 2}, {3}, {}}), "f32[N]"};
  EXPECT_EQ(Eval("add", {ragged, ragged}), "[2, 4] [6] []");
  EXPECT_EQ(Eval("mul", {ragged, {Floats({2, 3, 4}), "f32"}}), "[2, 4] [9] []");
  EXPECT_EQ(Eval("sum", {ragged}), "3 3 0");
  EXPECT_EQ(Eval("neg", {ragged}), "[-1, -2] [-3] []");
}

TEST(ArithmeticTest, ShapesThatTurnOutToDifferAreAnError) {
  const Expression a = Col("a", "f32[N]");
  const auto bound = BoundExpression::Bind(Call("add", {a, a}), *S({{"a", "f32[N]"}}));
  ASSERT_TRUE(bound.ok());
  EXPECT_EQ(Eval("add", {{Ragged({{1}, {1, 2}}), "f32[N]"}, {Ragged({{1}, {1}}), "f32[N]"}}),
            "invalid argument: row 2: shapes [2] and [1] differ");
}

TEST(ArithmeticTest, FunctionsOfOneNumber) {
  EXPECT_EQ(Eval("round", {{Floats({0.5, 1.5, -2.5, 2.4F}), "f32"}}), "0 2 -2 2");
  EXPECT_EQ(Eval("floor", {{Floats({-0.5, 1.5}), "f32"}}), "-1 1");
  EXPECT_EQ(Eval("ceil", {{Floats({0.5, 1.5}), "f32"}}), "1 2");
  EXPECT_EQ(Eval("exp", {{Floats({0, 1}), "f32"}}), "1 2.71828");
  EXPECT_EQ(Eval("log", {{Floats({1, 0}), "f32"}}), "0 -inf");
  EXPECT_EQ(Eval("sqrt", {{Floats({4, -1}), "f32"}}), "2 nan");
  EXPECT_EQ(Eval("abs", {{Vectors({{-1, 2}}), "f32[2]"}}), "[1, 2]");
}

TEST(ComparisonTest, ComparesNumbers) {
  const Arg a{Floats({1, 2, 3}), "f32"};
  const Arg b{Floats({2, 2, 2}), "f32"};
  EXPECT_EQ(Eval("eq", {a, b}), "false true false");
  EXPECT_EQ(Eval("ne", {a, b}), "true false true");
  EXPECT_EQ(Eval("lt", {a, b}), "true false false");
  EXPECT_EQ(Eval("le", {a, b}), "true true false");
  EXPECT_EQ(Eval("gt", {a, b}), "false false true");
  EXPECT_EQ(Eval("ge", {a, b}), "false true true");
}

TEST(ComparisonTest, NanEqualsNothing) {
  const Arg a{Floats({kNan, 1}), "f32"};
  const Arg b{Floats({kNan, kNan}), "f32"};
  EXPECT_EQ(Eval("eq", {a, b}), "false false");
  EXPECT_EQ(Eval("ne", {a, b}), "true true");
}

TEST(ComparisonTest, NanHasNoPlaceInAnOrder) {
  const std::string why =
      " is NaN, which is neither below nor above anything: `if x == x then x else 0.0` gives such "
      "an x a value";
  for (const std::string type : {"f16", "bf16", "f32", "f64"}) {
    const auto column = [&](std::vector<float> rows) {
      return Arg{Floats(std::move(rows)).dense().to(ScalarTypeOf(T(type).dtype)), type};
    };
    const auto constant = [&](double value) { return Arg{{}, type, Value(value)}; };
    const Arg some = column({2, kNan, 1, kNan});
    const Arg all = column({1, 3, kInfinity, 4});
    for (const std::string name : {"lt", "le", "gt", "ge"}) {
      EXPECT_EQ(Eval(name, {some, all}), "failed: row 2: `c0`" + why) << name << type;
      EXPECT_EQ(Eval(name, {all, some}), "failed: row 2: `c1`" + why) << name << type;
    }
    EXPECT_EQ(Eval("lt", {all, constant(2)}), "true false false false") << type;
    EXPECT_EQ(Eval("lt", {all, constant(double{kNan})}), "failed: row 1: the right side" + why);
    // Every other element of a matrix.
    const Arg strided{at::stack({all.column.dense(), some.column.dense()}, 1).select(1, 1), type};
    EXPECT_EQ(Eval("ge", {all, strided}), "failed: row 2: `c1`" + why) << type;
  }
  EXPECT_EQ(Eval("lt", {{Floats({1, kNan}), "f32"}, {Floats({kNan, 1}), "f32"}}),
            "failed: row 1: `c1`" + why);
}

TEST(ComparisonTest, BigUnsignedNumbersAreBig) {
  const Arg big{at::tensor(std::vector<int64_t>{-1, 5}, at::kLong).view(at::kUInt64), "u64"};
  const Arg small = OfType("u64", {1, 9});
  EXPECT_EQ(Eval("gt", {big, small}), "true false");
}

TEST(ComparisonTest, StringsCompareByCodePoint) {
  const Arg a{Texts({"a", "b", "ab", "", "z"}), "string"};
  const Arg b{Texts({"a", "a", "b", "a", "é"}), "string"};
  EXPECT_EQ(Eval("eq", {a, b}), "true false false false false");
  EXPECT_EQ(Eval("lt", {a, b}), "false false true true true");
  EXPECT_EQ(Eval("ge", {a, b}), "true true false false false");
}

TEST(ComparisonTest, Logic) {
  const Arg a{Bools({true, true, false, false}), "bool"};
  const Arg b{Bools({true, false, true, false}), "bool"};
  EXPECT_EQ(Eval("and", {a, b}), "true false false false");
  EXPECT_EQ(Eval("or", {a, b}), "true true true false");
  EXPECT_EQ(Eval("not", {a}), "false false true true");
  EXPECT_EQ(Eval("eq", {a, b}), "true false false true");
}

TEST(ComparisonTest, IfChoosesBetweenAnything) {
  const Arg flags{Bools({true, false, true}), "bool"};
  EXPECT_EQ(Eval("if", {flags, {Floats({1, 2, 3}), "f32"}, {Floats({-1, -2, -3}), "f32"}}),
            "1 -2 3");
  EXPECT_EQ(
      Eval("if", {flags, {Texts({"a", "b", "c"}), "string"}, {Texts({"x", "y", "z"}), "string"}}),
      "'a' 'y' 'c'");
  EXPECT_EQ(Eval("if", {flags,
                        {Vectors({{1}, {2}, {3}}), "f32[N]"},
                        {Ragged({{7, 7}, {8, 8}, {9}}), "f32[N]"}}),
            "[1] [8, 8] [3]");
  EXPECT_EQ(Eval("if", {flags, OfType("u64", {1, 2, 3}), OfType("u64", {4, 5, 6})}), "1 5 3");
  EXPECT_EQ(Eval("if", {flags,
                        {Vectors({{1, 2}, {3, 4}, {5, 6}}), "f32[2]"},
                        {Vectors({{0, 0}, {9, 9}, {0, 0}}), "f32[2]"}}),
            "[1, 2] [9, 9] [5, 6]");
}

TEST(ReductionTest, TakesTheLastDimension) {
  const Arg rows{Vectors({{1, 3, 2}, {5, 4, 5}}), "f32[3]"};
  EXPECT_EQ(Eval("max", {rows}), "3 5");
  EXPECT_EQ(Eval("min", {rows}), "1 4");
  EXPECT_EQ(Eval("sum", {rows}), "6 14");
  EXPECT_EQ(Eval("mean", {rows}), "2 4.66667");
  EXPECT_EQ(Eval("argmax", {rows}), "1 0");  // the first of equals
  EXPECT_EQ(Eval("softmax", {{Vectors({{0, 0}, {kInfinity, 0}}), "f32[2]"}}),
            "[0.5, 0.5] [nan, nan]");
  const Arg matrix{Column(at::tensor(std::vector<double>{1, 2, 3, 4, 5, 6}, at::kDouble)
                              .to(at::kFloat)
                              .view({1, 2, 3})),
                   "f32[2, 3]"};
  EXPECT_EQ(Eval("max", {matrix}), "[3, 6]");
  EXPECT_EQ(Eval("argmax", {matrix}), "[2, 2]");
}

TEST(ReductionTest, WorksOnEveryNumberType) {
  for (const std::string type :
       {"i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "f16", "bf16", "f32", "f64"}) {
    const Arg rows{Vectors({{1, 3, 2}, {5, 4, 6}}, ScalarTypeOf(T(type).dtype)), type + "[3]"};
    EXPECT_EQ(Eval("max", {rows}), "3 6") << type;
    EXPECT_EQ(Eval("min", {rows}), "1 4") << type;
    EXPECT_EQ(Eval("sum", {rows}), "6 15") << type;
    EXPECT_EQ(Eval("argmax", {rows}), "1 2") << type;
  }
}

TEST(ReductionTest, NothingHasNoGreatest) {
  EXPECT_EQ(Eval("max", {{Ragged({{1}, {}}), "f32[N]"}}),
            "invalid argument: row 2: the last dimension is empty: it has no greatest");
  EXPECT_EQ(Eval("sum", {{Vectors({{}, {}}), "f32[N]"}}), "0 0");
}

TEST(CastTest, BetweenNumbers) {
  EXPECT_EQ(Eval("f32", {{Ints({1, -2}), "i64"}}), "1 -2");
  EXPECT_EQ(Eval("i64", {{Floats({1.9F, -1.9F}), "f32"}}), "1 -1");
  EXPECT_EQ(Eval("bool", {{Floats({0, 0.5}), "f32"}}), "false true");
  EXPECT_EQ(Eval("u8", {{Bools({true, false}), "bool"}}), "1 0");
  EXPECT_EQ(Eval("u64", {{Ints({INT64_MAX}), "i64"}}), "9223372036854775807");
  EXPECT_EQ(Eval("f16", {{Ragged({{1}, {2, 3}}), "f32[N]"}}), "[1] [2, 3]");
}

TEST(CastTest, ANumberThatDoesNotFitIsAnErrorOfItsRow) {
  EXPECT_EQ(Eval("u8", {{Ints({255, 256}), "i64"}}), "failed: row 2: 256 does not fit u8");
  EXPECT_EQ(Eval("u16", {{Ints({-1}), "i64"}}), "failed: row 1: -1 does not fit u16");
  EXPECT_EQ(Eval("i64", {{Floats({kNan}), "f32"}}), "failed: row 1: nan does not fit i64");
  EXPECT_EQ(Eval("i64", {{Floats({1e19F}), "f32"}}),
            "failed: row 1: 9999999980506447872.0 does not fit i64");
  EXPECT_EQ(Eval("i8", {{Floats({-128.9F, 127.9F}), "f32"}}), "-128 127");
  EXPECT_EQ(Eval("i64", {{at::tensor(std::vector<int64_t>{-1}).view(at::kUInt64), "u64"}}),
            "failed: row 1: 18446744073709551615 does not fit i64");
}

TEST(CastTest, ToAndFromText) {
  EXPECT_EQ(Eval("string", {{Floats({0.1F, 2, 1e20F, -kNan}), "f32"}}),
            "'0.1' '2.0' '1e+20' 'nan'");
  EXPECT_EQ(Eval("string", {{Ints({-7}), "i64"}}), "'-7'");
  EXPECT_EQ(Eval("string", {{Bools({true, false}), "bool"}}), "'true' 'false'");
  EXPECT_EQ(Eval("i64", {{Texts({"12", "-3"}), "string"}}), "12 -3");
  EXPECT_EQ(Eval("f32", {{Texts({"0.5", "1e3"}), "string"}}), "0.5 1000");
  EXPECT_EQ(Eval("bool", {{Texts({"true", "false"}), "string"}}), "true false");
  EXPECT_EQ(Eval("i64", {{Texts({"1", "1.5"}), "string"}}), "failed: row 2: \"1.5\" is no i64");
  EXPECT_EQ(Eval("u8", {{Texts({"300"}), "string"}}), "failed: row 1: \"300\" is no u8");
  EXPECT_EQ(Eval("f64", {{Texts({""}), "string"}}), "failed: row 1: \"\" is no f64");
  EXPECT_EQ(Eval("bool", {{Texts({"yes"}), "string"}}), "failed: row 1: \"yes\" is no bool");
}

TEST(CastTest, BytesMustBeUtf8ToBecomeAString) {
  EXPECT_EQ(Eval("string", {{Texts({"é", "日本", "😀"}), "bytes"}}), "'é' '日本' '😀'");
  for (const std::string bad :
       {"\xC0\x80", "\xED\xA0\x80", "\xF5\x80\x80\x80", "\xE2\x82", "\x80"}) {
    EXPECT_EQ(Eval("string", {{Texts({"a" + bad}), "bytes"}}),
              "failed: row 1: byte 2 is not UTF-8");
  }
  EXPECT_EQ(Eval("bytes", {{Texts({"é"}), "string"}}), "'é'");
}

TEST(TextTest, CountsCodePointsAndChangesAsciiLetters) {
  EXPECT_EQ(Eval("len", {{Texts({"", "abc", "é日😀"}), "string"}}), "0 3 3");
  EXPECT_EQ(Eval("lower", {{Texts({"AbZ[É", ""}), "string"}}), "'abz[É' ''");
  EXPECT_EQ(Eval("upper", {{Texts({"abz{é"}), "string"}}), "'ABZ{é'");
  EXPECT_EQ(Eval("concat", {{Texts({"a", ""}), "string"},
                            {Texts({"", "b"}), "string"},
                            {Texts({"-", "-"}), "string"}}),
            "'a-' 'b-'");
}

}  // namespace
}  // namespace raceway::operators
