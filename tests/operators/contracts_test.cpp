#include "operators/contracts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "operators/column_functions.h"
#include "operators/functions/function.h"
#include "tests/operators/steps.h"

namespace raceway::operators {
namespace {

using testing::Contracts;
using testing::T;

/// "f32", or what is wrong; a number among the arguments is a constant i64.
std::string TypeOf(std::string_view name, const std::vector<std::string>& args) {
  std::vector<engine::Type> types;
  std::vector<engine::Value> constants;
  for (const std::string& arg : args) {
    const bool is_number = arg.find_first_not_of("-0123456789") == std::string::npos;
    types.push_back(T(is_number ? "i64" : arg));
    constants.emplace_back();
    if (is_number) constants.back() = int64_t{std::stoll(arg)};
  }
  const auto type = Contracts().FindColumnFunction(name)->TypeOf(types, constants);
  return type.ok() ? ToString(*type) : type.error().message;
}

TEST(ContractsTest, EveryColumnFunctionHasCodeAndTheReverse) {
  std::set<std::string> contracts;
  for (const auto& contract : Contracts().column_functions()) {
    EXPECT_TRUE(contracts.insert(contract.name).second) << contract.name << " is there twice";
  }
  std::set<std::string> kernels;
  for (const ColumnFunction& function : ColumnFunctions()) kernels.emplace(function.name);
  EXPECT_EQ(contracts, kernels);
}

TEST(ContractsTest, EveryNativeFunctionHasCodeAndTheReverse) {
  std::set<std::string> contracts;
  for (const auto& contract : Contracts().functions()) contracts.insert(contract.name);
  std::set<std::string> functions;
  for (const NativeFunctionEntry& function : NativeFunctions()) functions.emplace(function.name);
  EXPECT_EQ(contracts, functions);
  EXPECT_EQ(contracts.size(), Contracts().functions().size());
}

TEST(ContractsTest, AllAreDocumented) {
  for (const auto& contract : Contracts().column_functions()) {
    EXPECT_THAT(contract.doc, ::testing::EndsWith(".")) << contract.name;
    EXPECT_THAT(contract.signature, ::testing::HasSubstr("->")) << contract.name;
    EXPECT_LE(contract.min_args, contract.max_args) << contract.name;
  }
  for (const auto& contract : Contracts().functions()) {
    EXPECT_THAT(contract.doc, ::testing::EndsWith(".")) << contract.name;
    for (const auto& setting : contract.settings) {
      EXPECT_THAT(setting.doc, ::testing::EndsWith(".")) << contract.name << " " << setting.name;
    }
  }
}

TEST(ContractsTest, ArithmeticTakesNumbersOfOneType) {
  EXPECT_EQ(TypeOf("add", {"f32", "f32"}), "f32");
  EXPECT_EQ(TypeOf("mul", {"f32[N, 3]", "f32"}), "f32[N, 3]");
  EXPECT_EQ(TypeOf("sub", {"i8", "i8[5]"}), "i8[5]");
  EXPECT_EQ(TypeOf("add", {"f32[N]", "f32[N]"}), "f32[N]");
  EXPECT_EQ(TypeOf("add", {"f32", "i64"}),
            "`+` wants two numbers of one type, these are f32 and i64");
  EXPECT_EQ(TypeOf("div", {"string", "string"}),
            "`/` wants two numbers of one type, these are string and string");
  EXPECT_EQ(TypeOf("mod", {"f32[N]", "f32[M]"}),
            "`mod` wants two tensors of one shape, or a tensor and a scalar, these are f32[N] and "
            "f32[M]");
  EXPECT_EQ(TypeOf("neg", {"u8"}), "`-` wants a number with a sign or a duration, this is u8");
  EXPECT_EQ(TypeOf("add", {"f32?", "f32"}),
            "`+` wants values that cannot be missing, these are f32? and f32");
  EXPECT_EQ(TypeOf("add", {"f32"}), "`+` wants 2 arguments, not 1");
}

TEST(ContractsTest, ComparisonsTakeScalars) {
  EXPECT_EQ(TypeOf("eq", {"string", "string"}), "bool");
  EXPECT_EQ(TypeOf("ne", {"bool", "bool"}), "bool");
  EXPECT_EQ(TypeOf("ge", {"f32", "f32"}), "bool");
  EXPECT_EQ(TypeOf("ge", {"bool", "bool"}),
            "`>=` wants two numbers, times or strings of one type, these are bool and bool");
  EXPECT_EQ(
      TypeOf("eq", {"f32[3]", "f32[3]"}),
      "`==` wants two numbers, times, bools or strings of one type, these are f32[3] and f32[3]");
  EXPECT_EQ(
      TypeOf("eq", {"bytes", "bytes"}),
      "`==` wants two numbers, times, bools or strings of one type, these are bytes and bytes");
  EXPECT_EQ(TypeOf("and", {"bool", "i64"}), "`and` wants two bools, these are bool and i64");
  EXPECT_EQ(TypeOf("not", {"i64"}), "`not` wants a bool, this is i64");
}

TEST(ContractsTest, IfWantsAlikeBranches) {
  EXPECT_EQ(TypeOf("if", {"bool", "u8[H, W, 3]", "u8[H, W, 3]"}), "u8[H, W, 3]");
  EXPECT_EQ(TypeOf("if", {"i64", "f32", "f32"}), "`if` wants a bool as its condition, this is i64");
  EXPECT_EQ(TypeOf("if", {"bool", "f32", "i64"}),
            "`if` wants the same type on both branches, these are f32 and i64");
}

TEST(ContractsTest, CastsTakeWhatHasAMeaning) {
  EXPECT_EQ(TypeOf("f32", {"u8[H, W, 3]"}), "f32[H, W, 3]");
  EXPECT_EQ(TypeOf("i64", {"string"}), "i64");
  EXPECT_EQ(TypeOf("string", {"f32"}), "string");
  EXPECT_EQ(TypeOf("string", {"bytes"}), "string");
  EXPECT_EQ(TypeOf("bytes", {"string"}), "bytes");
  EXPECT_EQ(TypeOf("string", {"f32[3]"}), "`string` wants a scalar, this is f32[3]");
  EXPECT_EQ(TypeOf("bytes", {"i64"}), "`bytes` wants a string, this is i64");
  EXPECT_EQ(TypeOf("f32", {"bytes"}), "`f32` wants numbers, bools or a string, this is bytes");
}

TEST(ContractsTest, ReductionsTakeTheLastDimension) {
  EXPECT_EQ(TypeOf("softmax", {"f32[N]"}), "f32[N]");
  EXPECT_EQ(TypeOf("softmax", {"i64"}), "`softmax` wants a tensor of floats, this is i64");
  EXPECT_EQ(TypeOf("argmax", {"f32[1000]"}), "i64");
  EXPECT_EQ(TypeOf("argmax", {"u8[H, W]"}), "i64[H]");
  EXPECT_EQ(TypeOf("max", {"f16[K, N]"}), "f16[K]");
  EXPECT_EQ(TypeOf("sum", {"u8[N]"}), "u8");
  EXPECT_EQ(TypeOf("mean", {"i64[N]"}), "`mean` wants a tensor of floats, this is i64[N]");
  EXPECT_EQ(TypeOf("max", {"f32"}), "`max` wants a tensor of numbers, this is f32");
  EXPECT_EQ(TypeOf("exp", {"i64"}), "`exp` wants floats, this is i64");
}

TEST(ContractsTest, TextFunctionsTakeStrings) {
  EXPECT_EQ(TypeOf("len", {"string"}), "i64");
  EXPECT_EQ(TypeOf("lower", {"bytes"}), "`lower` wants a string, this is bytes");
  EXPECT_EQ(TypeOf("concat", {"string", "string", "string"}), "string");
  EXPECT_EQ(TypeOf("concat", {"string", "i64"}),
            "`concat` wants strings, or tensors that differ in the first dimension only, these are "
            "string and i64");
}

TEST(ContractsTest, PlacesCountFrom0AndLieInTheirDimension) {
  EXPECT_EQ(TypeOf("index", {"f32[4]", "3"}), "f32");
  EXPECT_EQ(TypeOf("index", {"u8[H, W, 3]", "i64", "i64"}), "u8[3]");
  EXPECT_EQ(TypeOf("index", {"f32[4]", "4"}),
            "dimension 1 of f32[4] has the places 0 to 3, there is no place 4");
  EXPECT_EQ(TypeOf("index", {"f32[4, N]", "0", "-1"}), "places count from 0, there is no place -1");
  EXPECT_EQ(TypeOf("index", {"f32[4]", "0", "0"}), "f32[4] has 1 dimension, not 2");
  EXPECT_EQ(TypeOf("index", {"f32", "0"}), "`x[…]` wants a tensor, this is f32");
  EXPECT_EQ(TypeOf("index", {"f32[4]", "i32"}), "`x[…]` wants places of type i64, this is i32");
  EXPECT_EQ(TypeOf("shape", {"u8[H, W, 3]"}), "i64[3]");
}

TEST(ContractsTest, KnownNumbersBecomeDimensions) {
  EXPECT_EQ(TypeOf("topk", {"f32[N]", "3"}), "i64[3]");
  EXPECT_EQ(TypeOf("topk", {"f32[K, 9]", "3"}), "i64[K, 3]");
  EXPECT_EQ(TypeOf("topk", {"f32[2]", "3"}),
            "`topk` wants at most the 2 elements of the last dimension, not 3");
  EXPECT_EQ(TypeOf("topk", {"f32[N]", "i64"}),
            "`topk` wants a size that is known before it runs: a number or a parameter");
  EXPECT_EQ(TypeOf("zeros", {"2", "3"}), "f32[2, 3]");
  EXPECT_EQ(TypeOf("zeros", {"0"}), "`zeros` wants a size from 1 to 16777216, not 0");
  EXPECT_EQ(TypeOf("zeros", {"10000", "10000"}), "`zeros` makes at most 16777216 elements");
  EXPECT_EQ(TypeOf("one_hot", {"i64[N]", "10"}), "f32[N, 10]");
  EXPECT_EQ(TypeOf("one_hot", {"10", "10"}),
            "dimension 1 of f32[10] has the places 0 to 9, there is no place 10");
  EXPECT_EQ(TypeOf("slice", {"f32[N, 2]", "1", "4"}), "f32[3, 2]");
  EXPECT_EQ(TypeOf("slice", {"f32[N]", "1", "i64"}), "f32[_]");
  EXPECT_EQ(TypeOf("slice", {"f32[3]", "1", "4"}),
            "`slice` wants `from` before `to`, both in dimension 1 of f32[3]");
}

TEST(ContractsTest, TensorsArePutTogether) {
  EXPECT_EQ(TypeOf("take", {"f32[N, 4]", "i64[K]"}), "f32[K, 4]");
  EXPECT_EQ(
      TypeOf("take", {"f32[N]", "i64"}),
      "`take` wants a tensor of places, i64[K] (the first k are `slice(x, 0, k)`), this is i64");
  EXPECT_EQ(TypeOf("list", {"f32[N]", "f32[N]"}), "f32[2, N]");
  EXPECT_EQ(TypeOf("list", {"f32", "i64"}),
            "`[…]` wants values of one type, these are f32 and i64");
  EXPECT_EQ(TypeOf("concat", {"f32[3, N]", "f32[4, N]"}), "f32[7, N]");
  EXPECT_EQ(TypeOf("concat", {"f32[3]", "f32[N]"}), "f32[_]");
  EXPECT_EQ(TypeOf("in", {"i64", "i64[N]"}), "bool");
  EXPECT_EQ(TypeOf("in", {"i64", "f32[N]"}),
            "`in` wants a value and a tensor of its type, these are i64 and f32[N]");
}

}  // namespace
}  // namespace raceway::operators
