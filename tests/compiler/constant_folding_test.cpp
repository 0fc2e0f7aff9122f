// What is folded is what the operators would have computed, to the last bit.
#include "compiler/rewrite/constant_folding.h"

#include <ATen/core/TensorBody.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "compiler/rewrite/can_fail.h"
#include "engine/catalog.h"
#include "engine/data/column.h"
#include "engine/data/schema.h"
#include "operators/expressions.h"
#include "tests/compiler/compiling.h"

namespace raceway::compiler {
namespace {

using engine::Column;
using engine::DataType;
using engine::Expression;
using engine::Type;
using engine::Value;

const std::vector<DataType> kTypes = {
    DataType::kBool, DataType::kI8,  DataType::kI16, DataType::kI32,   DataType::kI64,
    DataType::kU8,   DataType::kU16, DataType::kU32, DataType::kU64,   DataType::kF16,
    DataType::kBf16, DataType::kF32, DataType::kF64, DataType::kString};

std::vector<Value> IntegersOf(DataType type) {
  const auto [low, high] = engine::IntegerRange(type);
  std::vector<Value> values;
  for (const int64_t value : {low, low + 1, int64_t{-7}, int64_t{-1}, int64_t{0}, int64_t{1},
                              int64_t{2}, int64_t{100}, int64_t{16777217}, high - 1, high}) {
    if (value >= low && value <= high) values.emplace_back(value);
  }
  return values;
}

std::vector<Value> ValuesOf(DataType type) {
  if (type == DataType::kBool) return {false, true};
  if (type == DataType::kString) return {"", "aZ", "Äpfel", "日本", "7", "true", "1.5", "zebra"};
  if (engine::IsInteger(type)) return IntegersOf(type);
  return {0.0, -0.0, 0.1, 0.5, 1.5, 2.5, -2.5, -7.0, 127.5, 1e3, 16777217.0, 1e30, -3e38, 9.3e18};
}

/// The text of a value, floats to the last bit; nothing where it fails.
std::optional<std::string> BitsOf(const Expression& expression) {
  const auto bound = operators::BoundExpression::Bind(expression, engine::Schema());
  if (!bound) return std::nullopt;
  const engine::Result<Column> column = bound->Evaluate({}, 1);
  if (!column) return std::nullopt;
  if (column->is_text()) return std::string(column->text()[0]);
  const at::Tensor value = column->dense().contiguous();
  return std::string(static_cast<const char*>(value.const_data_ptr()),
                     static_cast<size_t>(value.nbytes()));
}

class ConstantFoldingTest : public ::testing::Test {
 protected:
  void Check(const std::string& function, std::vector<Expression> args) {
    const auto* contract = testing::AllContracts().FindColumnFunction(function);
    ASSERT_NE(contract, nullptr) << function;
    std::vector<Type> types;
    for (const Expression& arg : args) types.push_back(arg.type);
    if (types.size() < contract->min_args || types.size() > contract->max_args) return;
    const engine::Result<Type> type = contract->TypeOf(types, ConstantsOf(args));
    if (!type) return;
    const Expression call = Expression::Call(function, std::move(args), *type);
    const Expression folded = Fold(call);
    EXPECT_EQ(folded.type, call.type);
    EXPECT_EQ(BitsOf(folded), BitsOf(call))
        << ToString(call) << ": " << ToString(call.args[0].type);
    ++num_calls_;
    num_folded_ += folded.kind == Expression::Kind::kConstant ? 1 : 0;
  }

  size_t num_calls_ = 0;
  size_t num_folded_ = 0;
};

Expression Of(const Value& value, DataType type) { return Expression::Constant(value, Type{type}); }

TEST_F(ConstantFoldingTest, AnswersAsTheOperatorsDo) {
  std::vector<std::string> unary = {"neg", "not",  "abs", "round", "floor", "ceil",  "exp",
                                    "log", "sqrt", "len", "lower", "upper", "concat"};
  for (const DataType type : kTypes) unary.emplace_back(NameOf(type));
  for (const DataType type : kTypes) {
    for (const Value& a : ValuesOf(type)) {
      for (const std::string& function : unary) Check(function, {Of(a, type)});
      for (const Value& b : ValuesOf(type)) {
        for (const char* function : {"add", "sub", "mul", "div", "mod", "eq", "ne", "lt", "le",
                                     "gt", "ge", "and", "or", "concat"}) {
          Check(function, {Of(a, type), Of(b, type)});
        }
        for (const bool c : {false, true}) {
          Check("if", {Of(c, DataType::kBool), Of(a, type), Of(b, type)});
        }
      }
    }
  }
  EXPECT_GT(num_calls_, 10000U);
  EXPECT_GT(num_folded_, num_calls_ / 2);
  EXPECT_LT(num_folded_, num_calls_);  // some fail, or are left to the operators
}

// --- with a column ---

const Type kBool{DataType::kBool};

Expression Call(const std::string& function, std::vector<Expression> args) {
  return Expression::Call(function, std::move(args), kBool);
}

TEST(FoldTest, SimplifiesLogicWithOneConstant) {
  const Expression x = Expression::Column("x", kBool);
  const Expression yes = Of(true, DataType::kBool);
  const Expression no = Of(false, DataType::kBool);
  EXPECT_EQ(Fold(Call("and", {yes, x})), x);
  EXPECT_EQ(Fold(Call("and", {x, yes})), x);
  EXPECT_EQ(Fold(Call("and", {no, x})), no);
  EXPECT_EQ(Fold(Call("and", {x, no})), no);
  EXPECT_EQ(Fold(Call("or", {yes, x})), yes);
  EXPECT_EQ(Fold(Call("or", {x, yes})), yes);
  EXPECT_EQ(Fold(Call("or", {no, x})), x);
  EXPECT_EQ(Fold(Call("or", {x, no})), x);
  EXPECT_EQ(Fold(Call("not", {Call("not", {x})})), x);
  EXPECT_EQ(Fold(Call("if", {yes, x, no})), x);
  EXPECT_EQ(Fold(Call("if", {no, yes, x})), x);
  EXPECT_EQ(Fold(Call("if", {x, no, no})), no);
}

TEST(FoldTest, KeepsWhatCanFail) {
  const Type i64{DataType::kI64};
  const Expression n = Expression::Column("n", i64);
  const Expression one = Of(int64_t{1}, DataType::kI64);
  const Expression risky = Call("gt", {Expression::Call("div", {one, n}, i64), one});
  const Expression no = Of(false, DataType::kBool);
  EXPECT_EQ(Fold(Call("and", {risky, no})), Call("and", {risky, no}));
  EXPECT_EQ(Fold(Call("if", {risky, no, no})), Call("if", {risky, no, no}));
  EXPECT_EQ(Fold(Call("and", {no, risky})), no);  // is not looked at
}

TEST(FoldTest, LeavesNanToTheOperators) {
  const Expression nan = Of(std::numeric_limits<double>::quiet_NaN(), DataType::kF32);
  const Expression half = Of(0.5, DataType::kF32);
  EXPECT_EQ(Fold(Call("lt", {nan, half})).kind, Expression::Kind::kCall);
  EXPECT_EQ(Fold(Call("eq", {nan, half})), Of(false, DataType::kBool));
  EXPECT_EQ(Fold(Call("lt", {half, half})), Of(false, DataType::kBool));
}

TEST(CanFailTest, WhereNanMayBeCompared) {
  const Type f32{DataType::kF32};
  const Expression x = Expression::Column("x", f32);
  const Expression half = Of(0.5, DataType::kF32);
  const Expression n = Expression::Column("n", Type{DataType::kI64});
  const Expression of_n = Expression::Call("f32", {n}, f32);
  for (const char* order : {"lt", "le", "gt", "ge"}) {
    EXPECT_TRUE(CanFail(Call(order, {x, half})));
    EXPECT_TRUE(CanFail(Call(order, {half, Expression::Call("add", {of_n, half}, f32)})));
    EXPECT_FALSE(CanFail(Call(order, {of_n, half})));
    EXPECT_FALSE(CanFail(Call(order, {n, n})));
    EXPECT_FALSE(CanFailWithoutNan(Call(order, {x, half})));
  }
  EXPECT_FALSE(CanFail(Call("eq", {x, x})));
  EXPECT_TRUE(CanFail(Call("not", {Call("lt", {x, half})})));
  EXPECT_TRUE(CanFailWithoutNan(Call(
      "and", {Call("lt", {x, half}), Call("eq", {Expression::Call("div", {n, n}, n.type), n})})));
}

TEST(FoldTest, KeepsTheSignOfZero) {
  const Expression x = Expression::Column("x", kBool);
  const Expression choice = Expression::Call(
      "if", {x, Of(0.0, DataType::kF32), Of(-0.0, DataType::kF32)}, Type{DataType::kF32});
  EXPECT_EQ(Fold(choice).kind, Expression::Kind::kCall);
}

}  // namespace
}  // namespace raceway::compiler
