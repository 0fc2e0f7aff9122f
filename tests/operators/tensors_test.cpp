#include <ATen/ops/arange.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <limits>

#include "tests/operators/calls.h"

namespace raceway::operators {
namespace {

using namespace testing;  // NOLINT

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// Two rows of two by three.
Arg Matrices() { return {Column(at::arange(12, at::kFloat).view({2, 2, 3})), "f32[2, 3]"}; }

TEST(IndexTest, TakesOneElementOrWhatIsLeftOpen) {
  EXPECT_EQ(Eval("index", {{Vectors({{1, 2}, {3, 4}}), "f32[2]"}, Known(1)}), "2 4");
  EXPECT_EQ(Eval("index", {Matrices(), Known(1), Known(2)}), "5 11");
  EXPECT_EQ(Eval("index", {Matrices(), Known(1)}), "[3, 4, 5] [9, 10, 11]");
  EXPECT_EQ(Eval("index", {{Ragged({{1}, {2, 3}}), "f32[N]"}, Known(0)}), "1 2");
}

TEST(IndexTest, APlaceMayDifferFromRowToRow) {
  EXPECT_EQ(Eval("index", {{Vectors({{1, 2}, {3, 4}}), "f32[2]"}, {Ints({1, 0}), "i64"}}), "2 3");
  EXPECT_EQ(Eval("index", {Matrices(), {Ints({0, 1}), "i64"}, {Ints({2, 0}), "i64"}}), "2 9");
}

TEST(IndexTest, WorksOnEveryType) {
  for (const std::string type : {"bool", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64",
                                 "f16", "bf16", "f32", "f64"}) {
    const Arg x{Vectors({{0, 1}, {1, 0}}, ScalarTypeOf(T(type).dtype)), type + "[2]"};
    EXPECT_EQ(Eval("index", {x, Known(0)}), type == "bool" ? "false true" : "0 1") << type;
    EXPECT_EQ(Eval("take", {x, {Vectors({{1, 1}, {0, 0}}, at::kLong), "i64[2]"}}),
              type == "bool" ? "[true, true] [true, true]" : "[1, 1] [1, 1]")
        << type;
  }
}

TEST(IndexTest, APlaceThatARowLacksIsAnErrorOfTheRow) {
  const Arg x{Vectors({{1, 2}, {3, 4}}), "f32[2]"};
  EXPECT_EQ(Eval("index", {x, {Ints({1, 2}), "i64"}}),
            "failed: row 2: there is no place 2: dimension 1 has size 2");
  EXPECT_EQ(Eval("index", {x, {Ints({-1, 0}), "i64"}}),
            "failed: row 1: there is no place -1: dimension 1 has size 2");
  EXPECT_EQ(Eval("index", {Matrices(), Known(0), {Ints({0, 3}), "i64"}}),
            "failed: row 2: there is no place 3: dimension 2 has size 3");
  EXPECT_EQ(Eval("index", {{Ragged({{1, 2}, {}}), "f32[N]"}, Known(0)}),
            "failed: row 2: there is no place 0: dimension 1 has size 0");
}

TEST(ShapeTest, IsThatOfEachRow) {
  EXPECT_EQ(Eval("shape", {Matrices()}), "[2, 3] [2, 3]");
  EXPECT_EQ(Eval("shape", {{Ragged({{1, 2, 3}, {}}), "f32[N]"}}), "[3] [0]");
}

TEST(TopkTest, GivesThePlacesOfTheGreatest) {
  const Arg x{Vectors({{1, 3, 2}, {5, 4, 5}}), "f32[3]"};
  EXPECT_EQ(Eval("topk", {x, Known(2)}), "[1, 2] [0, 2]");
  EXPECT_EQ(Eval("topk", {x, Known(3)}), "[1, 2, 0] [0, 2, 1]");
  EXPECT_EQ(Eval("topk", {{Vectors({{1, kNan, 2}}), "f32[3]"}, Known(1)}), "[1]");
  EXPECT_EQ(Eval("topk", {{Ragged({{1, 2}, {9, 3, 4}}), "f32[N]"}, Known(2)}), "[1, 0] [0, 2]");
  EXPECT_EQ(Eval("topk", {{Ragged({{1, 2}, {9}}), "f32[N]"}, Known(2)}),
            "failed: row 2: the last dimension has size 1, there are no 2 greatest elements");
}

TEST(TakeTest, TakesElementsOfTheFirstDimension) {
  const Arg places{Vectors({{1, 0}, {0, 0}}, at::kLong), "i64[2]"};
  EXPECT_EQ(Eval("take", {{Vectors({{1, 2}, {3, 4}}), "f32[2]"}, places}), "[2, 1] [3, 3]");
  EXPECT_EQ(
      Eval("take", {Matrices(), places}),
      Eval("concat",
           {{Column(at::tensor({3.0F, 4.0F, 5.0F, 6.0F, 7.0F, 8.0F}).view({2, 1, 3})), "f32[1, 3]"},
            {Column(at::tensor({0.0F, 1.0F, 2.0F, 6.0F, 7.0F, 8.0F}).view({2, 1, 3})),
             "f32[1, 3]"}}));
  EXPECT_EQ(Eval("take", {{Ragged({{1, 2}, {9}}), "f32[N]"}, places}), "[2, 1] [9, 9]");
  EXPECT_EQ(Eval("take", {{Vectors({{1}, {3}}), "f32[1]"}, places}),
            "failed: row 1: there is no place 1: dimension 1 has size 1");
}

TEST(SliceTest, TakesARangeOfTheFirstDimension) {
  const Arg x{Vectors({{1, 2, 3}, {4, 5, 6}}), "f32[3]"};
  EXPECT_EQ(Eval("slice", {x, Known(1), Known(3)}), "[2, 3] [5, 6]");
  EXPECT_EQ(Eval("slice", {x, Known(0), {Ints({1, 2}), "i64"}}), "[1] [4, 5]");
  EXPECT_EQ(Eval("slice", {x, {Ints({2, 0}), "i64"}, {Ints({2, 2}), "i64"}}), "[] [4, 5]");
  EXPECT_EQ(Eval("slice", {x, {Ints({0, 2}), "i64"}, {Ints({1, 4}), "i64"}}),
            "failed: row 2: there are no places 2 to 4: dimension 1 has size 3");
  EXPECT_EQ(Eval("slice", {{Ragged({{1, 2}, {9}}), "f32[N]"}, Known(0), Known(2)}),
            "failed: row 2: there are no places 0 to 2: dimension 1 has size 1");
}

TEST(MakingTest, OneHotHasA1AtItsPlace) {
  EXPECT_EQ(Eval("one_hot", {{Ints({2, 0}), "i64"}, Known(3)}), "[0, 0, 1] [1, 0, 0]");
  EXPECT_EQ(Eval("one_hot", {{Ints({2, 3}), "i64"}, Known(3)}),
            "failed: row 2: there is no place 3 of 3");
}

TEST(MakingTest, ListsAreTensors) {
  EXPECT_EQ(Eval("list", {{Floats({1, 2}), "f32"}, {Floats({3, 4}), "f32"}}), "[1, 3] [2, 4]");
  EXPECT_EQ(Eval("list", {OfType("u64", {1}), OfType("u64", {2})}), "[1, 2]");
  const Arg ragged{Ragged({{1}, {2, 3}}), "f32[N]"};
  EXPECT_EQ(Eval("index", {ragged, Known(0)}), "1 2");
  EXPECT_EQ(Eval("list", {ragged, {Ragged({{1, 2}, {2, 3}}), "f32[N]"}}),
            "failed: row 1: the shapes of what is put together differ");
}

TEST(MakingTest, TensorsAreJoinedAlongTheFirstDimension) {
  EXPECT_EQ(
      Eval("concat", {{Vectors({{1}, {2}}), "f32[1]"}, {Vectors({{3, 4}, {5, 6}}), "f32[2]"}}),
      "[1, 3, 4] [2, 5, 6]");
  EXPECT_EQ(Eval("concat", {{Ragged({{1}, {}}), "f32[N]"}, {Vectors({{3}, {5}}), "f32[1]"}}),
            "[1, 3] [5]");
}

TEST(InTest, AsksEveryElement) {
  EXPECT_EQ(Eval("in", {{Ints({2, 5}), "i64"}, {Vectors({{1, 2}, {1, 2}}, at::kLong), "i64[2]"}}),
            "true false");
  EXPECT_EQ(Eval("in", {{Floats({1, 1}), "f32"}, {Ragged({{1, 2}, {}}), "f32[N]"}}), "true false");
}

}  // namespace
}  // namespace raceway::operators
