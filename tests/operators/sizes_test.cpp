#include <ATen/ops/arange.h>
#include <gtest/gtest.h>

#include "tests/operators/calls.h"

namespace raceway::operators {
namespace {

using namespace testing;  // NOLINT

Arg Numbers(const std::vector<int64_t>& rows) { return {Ints(rows), "i64"}; }
Arg Words(const std::string& text) { return {{}, "string", Value(text)}; }

TEST(SizeOfTest, IsThatOfEachRow) {
  const Arg matrices{Column(at::arange(12, at::kFloat).view({2, 2, 3})), "f32[2, 3]"};
  EXPECT_EQ(Eval("size_of", {matrices, Known(0)}), "2 2");
  EXPECT_EQ(Eval("size_of", {matrices, Known(1)}), "3 3");
  EXPECT_EQ(Eval("size_of", {{Ragged({{1, 2, 3}, {}}), "f32[N]"}, Known(0)}), "3 0");
}

TEST(SizeOfTest, ADimensionThatIsNotThereIsAnErrorOfTheRow) {
  const Arg x{Ragged({{1, 2}, {3}}), "f32[N]"};
  EXPECT_EQ(Eval("size_of", {x, Known(1)}), "invalid argument: row 1: no dimension 1 in [2]");
  EXPECT_EQ(Eval("size_of", {x, {Ints({0, -1}), "i64"}}),
            "invalid argument: row 2: no dimension -1 in [1]");
}

TEST(SameSizeTest, IsTrueOrAnErrorOfTheFirstRowThatDiffers) {
  const Arg a{Ragged({{1}, {2, 3}, {4}}), "f32[N]"};
  const Arg b{Ragged({{1, 2}, {3}, {4}}), "f32[M]"};
  const auto compare = [&](const Arg& left, const Arg& right) {
    return Eval("same_size", {left, right, Words("`m` wants `a: f32[M+1]`"), Words("a"), a,
                              Words("the other"), b});
  };
  EXPECT_EQ(compare(Numbers({1, 2, 3}), Numbers({1, 2, 3})), "true true true");
  EXPECT_EQ(compare(Numbers({1, 2, 3}), Numbers({1, 5, 6})),
            "invalid argument: row 2: `m` wants `a: f32[M+1]`: `a` is [2] and `the other` is [1]");
}

TEST(SameSizeTest, ShowsEveryColumn) {
  const Arg a{Vectors({{1, 2}}), "f32[2]"};
  EXPECT_EQ(Eval("same_size", {Numbers({1}), Numbers({2}), Words("why"), Words("a"), a}),
            "invalid argument: row 1: why: `a` is [2]");
  EXPECT_EQ(Eval("same_size", {Numbers({1}), Numbers({2}), Words("why"), Words("a"), a, Words("b"),
                               a, Words("c"), a}),
            "invalid argument: row 1: why: `a` is [2], `b` is [2] and `c` is [2]");
}

/// What is wrong with arguments of these types.
std::string Refused(std::string_view function, const std::vector<std::string>& args) {
  std::vector<engine::Type> types;
  for (const std::string& arg : args) types.push_back(T(arg));
  const auto type = Contracts().FindColumnFunction(function)->result_type(types);
  return type.ok() ? "" : type.error().message;
}

TEST(SizesTest, TakeTensors) {
  EXPECT_EQ(Refused("size_of", {"f32[N]", "i64"}), "");
  EXPECT_EQ(Refused("size_of", {"i64", "i64"}),
            "`size_of` wants a tensor and the number of an axis");
  EXPECT_EQ(Refused("size_of", {"f32[N]?", "i64"}), Refused("size_of", {"i64", "i64"}));
  EXPECT_EQ(Refused("same_size", {"i64", "i64", "string", "string", "f32[N]"}), "");
  const std::string why = "`same_size` wants two numbers, a reason, and tensors with their names";
  EXPECT_EQ(Refused("same_size", {"i64", "i64", "string", "string"}), why);
  EXPECT_EQ(Refused("same_size", {"i64", "i64", "string", "string", "i64"}), why);
  EXPECT_EQ(Refused("same_size", {"i64", "f32", "string"}), why);
}

}  // namespace
}  // namespace raceway::operators
