#include "engine/data/column.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/engine/data/columns.h"

namespace raceway::engine {
namespace {

using testing::Bools;
using testing::DataOf;
using testing::Floats;
using testing::Ints;
using testing::Ragged;
using testing::T;
using testing::Text;
using testing::Texts;
using testing::Vectors;
using Indices = std::vector<int64_t>;
using From = std::vector<std::pair<int32_t, int64_t>>;

TEST(TextColumnTest, KeepsEmptyRowsAndZeroBytes) {
  const std::vector<std::string> rows = {"", std::string("a\0b", 3), "", "ü"};
  const TextColumn column = TextColumn::Of(rows);
  ASSERT_EQ(column.num_rows(), 4);
  for (size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(column[static_cast<int64_t>(i)], rows[i]);
}

TEST(TextColumnTest, SlicesAreViews) {
  const TextColumn column = TextColumn::Of(std::vector<std::string>{"a", "bc", "def"});
  const TextColumn slice = column.Slice(1, 3).Slice(1, 2);
  ASSERT_EQ(slice.num_rows(), 1);
  EXPECT_EQ(slice[0], "def");
  EXPECT_EQ(slice[0].data(), column[2].data());
  EXPECT_EQ(TextColumn().Slice(0, 0).num_rows(), 0);
}

TEST(TextColumnTest, ARepeatedTextIsKeptOnce) {
  const TextColumn column = TextColumn::Repeat("abc", int64_t{1} << 40);
  EXPECT_EQ(column[0].data(), column[(int64_t{1} << 40) - 1].data());
  const TextColumn slice = column.Slice(5, 8);
  EXPECT_EQ(Text(Column(slice)), "'abc' 'abc' 'abc'");
}

TEST(ColumnTest, SlicesAreViews) {
  const Column dense = Vectors({{1, 2}, {3, 4}, {5, 6}});
  EXPECT_EQ(Text(dense.Slice(1, 3)), "[3, 4] [5, 6]");
  EXPECT_EQ(DataOf(dense.Slice(1, 3)), dense.Row(1).const_data_ptr());
  const Column ragged = Ragged({{1}, {2, 3}, {}});
  EXPECT_EQ(Text(ragged.Slice(1, 3)), "[2, 3] []");
  EXPECT_EQ(DataOf(ragged.Slice(1, 3)), ragged.Row(1).const_data_ptr());
}

TEST(ColumnTest, TakingARangeIsAView) {
  const Column dense = Ints({10, 20, 30, 40});
  EXPECT_EQ(DataOf(dense.Take(Indices{1, 2})), dense.Row(1).const_data_ptr());
  const Column text = Texts({"a", "b", "c"});
  EXPECT_EQ(DataOf(text.Take(Indices{1, 2})), text.text()[1].data());
  EXPECT_EQ(dense.Take(Indices{}).num_rows(), 0);
}

TEST(ColumnTest, OneRowTakenAgainAndAgainIsKeptOnce) {
  const Column dense = Vectors({{1, 2}, {3, 4}});
  const Column taken = dense.Take(Indices{1, 1, 1});
  EXPECT_EQ(Text(taken), "[3, 4] [3, 4] [3, 4]");
  EXPECT_EQ(taken.Row(2).const_data_ptr(), dense.Row(1).const_data_ptr());
  EXPECT_EQ(Text(taken.Take(Indices{2, 0})), "[3, 4] [3, 4]");
}

TEST(ColumnTest, TakesRowsInAnyOrder) {
  const Indices indices = {3, 0, 0, 1, 2};
  EXPECT_EQ(Text(Ints({10, 20, 30, 40}).Take(indices)), "40 10 10 20 30");
  EXPECT_EQ(Text(Texts({"a", "", "c", "dd"}).Take(indices)), "'dd' 'a' 'a' '' 'c'");
  EXPECT_EQ(Text(Ragged({{1}, {}, {3, 4}, {5}}).Take(indices)), "[5] [1] [1] [] [3, 4]");
  EXPECT_EQ(Text(Vectors({{1, 2}, {3, 4}, {5, 6}, {7, 8}}).Take(indices)),
            "[7, 8] [1, 2] [1, 2] [3, 4] [5, 6]");
}

TEST(ColumnTest, TakesFromWhatDoesNotLieRowByRow) {
  const Column transposed(Vectors({{1, 2, 3}, {4, 5, 6}}).dense().t());  // [3, 2]
  EXPECT_EQ(Text(transposed.Take(Indices{2, 0})), "[3, 6] [1, 4]");
}

TEST(ColumnTest, TakesOfEveryDtype) {
  for (const std::string& name : DataTypeNames()) {
    const DataType dtype = *DataTypeFromName(name);
    if (IsText(dtype)) continue;
    const Column column(
        at::tensor(std::vector<int64_t>{1, 0, 1}, at::kLong).to(ScalarTypeOf(dtype)));
    const Column taken = column.Take(Indices{1, 0});
    EXPECT_EQ(Text(taken), dtype == DataType::kBool ? "false true" : "0 1") << name;
    EXPECT_EQ(taken.dense().scalar_type(), ScalarTypeOf(dtype)) << name;
    if (dtype >= DataType::kTimestamp) continue;
    EXPECT_EQ(DataTypeOf(ScalarTypeOf(dtype)), dtype) << name;
  }
}

TEST(ColumnTest, AConstantCostsOneRow) {
  const Result<Column> one = Column::Constant(Value(0.5), T("f32"), int64_t{1} << 40);
  ASSERT_TRUE(one.ok());
  EXPECT_EQ(one->num_rows(), int64_t{1} << 40);
  EXPECT_EQ(Text(one->Slice(7, 9)), "0.5 0.5");
  const Column taken = one->Take(Indices{0, 9, 3});
  EXPECT_EQ(Text(taken), "0.5 0.5 0.5");
  EXPECT_EQ(DataOf(taken), DataOf(*one));
}

TEST(ColumnTest, MakesConstantsOfEveryType) {
  EXPECT_EQ(Text(Column::Constant(Value(true), T("bool"), 2)), "true true");
  EXPECT_EQ(Text(Column::Constant(Value(int64_t{-3}), T("i8"), 1)), "-3");
  EXPECT_EQ(Text(Column::Constant(Value(int64_t{65535}), T("u16"), 1)), "65535");
  EXPECT_EQ(Text(Column::Constant(Value(int64_t{7}), T("u64"), 1)), "7");
  EXPECT_EQ(Text(Column::Constant(Value(int64_t{2}), T("f16"), 1)), "2");
  EXPECT_EQ(Text(Column::Constant(Value("hi"), T("string"), 2)), "'hi' 'hi'");
}

TEST(ColumnTest, AConstantMustFitItsType) {
  EXPECT_EQ(Text(Column::Constant(Value(int64_t{300}), T("u8"), 1)),
            "invalid argument: the constant 300 is no u8");
  // The bits of what no i64 holds.
  EXPECT_EQ(Text(Column::Constant(Value(int64_t{-1}), T("u64"), 1)), "18446744073709551615");
  EXPECT_EQ(Text(Column::Constant(Value(0.5), T("i64"), 1)),
            "invalid argument: the constant 0.5 is no i64");
  EXPECT_EQ(Text(Column::Constant(Value(), T("f32"), 1)),
            "invalid argument: the constant null is no f32");
  EXPECT_EQ(Text(Column::Constant(Value("a"), T("i64"), 1)),
            "invalid argument: the constant \"a\" is no i64");
  EXPECT_EQ(Text(Column::Constant(Value(1.0), T("f32[2]"), 1)),
            "invalid argument: the constant 1.0 is no f32[2]");
}

TEST(ColumnTest, RowsOfOneShapeBecomeDense) {
  const Column dense = Column::FromRows(Ragged({{1, 2}, {3, 4}}).ragged(), T("f32[N]"));
  ASSERT_TRUE(dense.is_dense());
  EXPECT_EQ(Text(dense), "[1, 2] [3, 4]");
  EXPECT_TRUE(Column::FromRows(Ragged({{1, 2}, {3}}).ragged(), T("f32[N]")).is_ragged());
  EXPECT_EQ(Column::FromRows({}, T("f32[N, 3]")).dense().sizes(), (Indices{0, 0, 3}));
}

TEST(ColumnTest, OneRowIsNotCopied) {
  const Column ragged = Ragged({{1, 2}});
  EXPECT_EQ(DataOf(Column::FromRows(ragged.ragged(), T("f32[N]"))), DataOf(ragged));
}

TEST(ColumnTest, GathersDenseTextAndRagged) {
  const From from = {{0, 1}, {0, 2}, {1, 0}, {0, 0}, {1, 1}};
  EXPECT_EQ(Text(Column::Gather(std::vector{Ints({1, 2, 3}), Ints({10, 20})}, from)),
            "2 3 10 1 20");
  EXPECT_EQ(Text(Column::Gather(std::vector{Texts({"a", "b", "c"}), Texts({"x", "yy"})}, from)),
            "'b' 'c' 'x' 'a' 'yy'");
  const Column ragged = Ragged({{5}, {6, 7}});
  EXPECT_EQ(Text(Column::Gather(std::vector{Vectors({{1}, {2}, {3}}), ragged}, from)),
            "[2] [3] [5] [1] [6, 7]");
}

TEST(ColumnTest, GatheringOfDifferentShapesIsRagged) {
  const From from = {{0, 0}, {1, 0}};
  const Column both = Column::Gather(std::vector{Vectors({{1, 2}}), Vectors({{1, 2, 3}})}, from);
  EXPECT_TRUE(both.is_ragged());
  EXPECT_EQ(Text(both), "[1, 2] [1, 2, 3]");
}

TEST(ColumnTest, GatheringLooksOnlyAtInputsThatGiveRows) {
  const Column empty = Column::Empty(T("f32[N]"));
  const Column some = Vectors({{1, 2}, {3, 4}});
  const Column gathered = Column::Gather(std::vector{empty, some}, From{{1, 0}, {1, 1}});
  EXPECT_EQ(Text(gathered), "[1, 2] [3, 4]");
  EXPECT_EQ(DataOf(gathered), DataOf(some));  // a range of one input is a view
  EXPECT_EQ(Column::Gather(std::vector{some}, From{}).num_rows(), 0);
}

// Gather is Take after putting the inputs one behind the other.
TEST(ColumnTest, GatherAgreesWithTake) {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    std::vector<Column> inputs;
    std::vector<double> all;
    std::vector<int64_t> starts;
    for (int i = 0; i < 3; ++i) {
      starts.push_back(static_cast<int64_t>(all.size()));
      std::vector<std::vector<double>> rows(1 + random() % 5);
      for (auto& row : rows) {
        row = {static_cast<double>(random() % 100)};
        all.push_back(row[0]);
      }
      inputs.push_back(Vectors(rows));
    }
    From from;
    Indices indices;
    for (int i = 0; i < 12; ++i) {
      const auto input = static_cast<int32_t>(random() % 3);
      const auto row =
          static_cast<int64_t>(random()) % inputs[static_cast<size_t>(input)].num_rows();
      from.emplace_back(input, row);
      indices.push_back(starts[static_cast<size_t>(input)] + row);
    }
    const Column whole(at::tensor(all, at::kDouble).to(at::kFloat).unsqueeze(1));
    EXPECT_EQ(Text(Column::Gather(inputs, from)), Text(whole.Take(indices)));
  }
}

TEST(ColumnTest, ChecksItsType) {
  EXPECT_EQ(Text(Floats({1}).CheckType(T("f32"))), "fine");
  EXPECT_EQ(Text(Floats({1}).CheckType(T("f64"))), "invalid argument: is f32, declared f64");
  EXPECT_EQ(Text(Vectors({{1, 2}}).CheckType(T("f32[N]"))), "fine");
  EXPECT_EQ(Text(Vectors({{1, 2}}).CheckType(T("f32[3]"))),
            "invalid argument: is f32[2], declared f32[3]");
  EXPECT_EQ(Text(Vectors({{1, 2}}).CheckType(T("f32"))),
            "invalid argument: is f32[2], declared f32");
  EXPECT_EQ(Text(Texts({"a"}).CheckType(T("bytes"))), "fine");
  EXPECT_EQ(Text(Texts({"a"}).CheckType(T("f32"))), "invalid argument: is text, declared f32");
  EXPECT_EQ(Text(Bools({true}).CheckType(T("string"))),
            "invalid argument: is a tensor, declared string");
  EXPECT_EQ(Text(Texts({"a"}).CheckType(T("string[K]"))),
            "invalid argument: row 1: is string, declared string[K]");
  EXPECT_EQ(Text(Column(at::empty({}, at::kFloat)).CheckType(T("f32"))),
            "invalid argument: has no rows dimension");
}

TEST(ColumnTest, NamesTheRowThatHasAnotherType) {
  EXPECT_EQ(Text(Ragged({{1, 2}, {1}}).CheckType(T("f32[N]"))), "fine");
  EXPECT_EQ(Text(Ragged({{1, 2}, {1}}).CheckType(T("f32[2]"))),
            "invalid argument: row 2: is f32[1], declared f32[2]");
}

TEST(ColumnTest, AlikeSymbolsAreAlikeSizes) {
  EXPECT_EQ(Text(Column(at::empty({1, 2, 2}, at::kFloat)).CheckType(T("f32[N, N]"))), "fine");
  EXPECT_EQ(Text(Column(at::empty({1, 2, 3}, at::kFloat)).CheckType(T("f32[_, _]"))), "fine");
  EXPECT_EQ(Text(Column(at::empty({1, 2, 3}, at::kFloat)).CheckType(T("f32[N, N]"))),
            "invalid argument: is f32[2, 3], declared f32[N, N]");
}

TEST(ColumnTest, NoRowsAreOfAnyShape) {
  EXPECT_EQ(Text(Column::Empty(T("f32[N, 3]")).CheckType(T("f32[5, 3]"))), "fine");
  EXPECT_EQ(Column::Empty(T("string")).num_rows(), 0);
}

}  // namespace
}  // namespace raceway::engine
