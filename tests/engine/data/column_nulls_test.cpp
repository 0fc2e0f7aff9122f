#include <gtest/gtest.h>

#include "engine/data/batch.h"
#include "engine/data/column.h"
#include "tests/engine/data/columns.h"

namespace raceway::engine {
namespace {

using testing::Bools;
using testing::Floats;
using testing::Ints;
using testing::Ragged;
using testing::Row;
using testing::S;
using testing::T;
using testing::Text;
using testing::Texts;
using Indices = std::vector<int64_t>;
using From = std::vector<std::pair<int32_t, int64_t>>;

Column Some() { return Ints({1, 2, 3}).WithValidity(Bools({true, false, true}).dense()); }

TEST(ColumnNullsTest, RowsKeepTheirMask) {
  EXPECT_EQ(Text(Some()), "1 null 3");
  EXPECT_EQ(Text(Some().Slice(1, 3)), "null 3");
  EXPECT_EQ(Text(Some().Slice(1, 3).Slice(1, 2)), "3");
  EXPECT_EQ(Text(Some().Take(Indices{2, 1, 1, 0})), "3 null null 1");
  EXPECT_EQ(Text(Some().Take(Indices{1, 2})), "null 3");
  EXPECT_EQ(Text(Some().WithValidity({})), "1 2 3");
}

TEST(ColumnNullsTest, OthersHaveNoMask) {
  EXPECT_FALSE(Ints({1, 2}).validity().defined());
  const Column inputs[] = {Ints({1, 2}), Ints({3})};
  EXPECT_FALSE(Column::Gather(inputs, From{{0, 1}, {1, 0}}).validity().defined());
  EXPECT_FALSE(Column::FromRows({Row({1}, {}), Row({2}, {})}, T("f32?")).validity().defined());
}

TEST(ColumnNullsTest, GatheringMixesBoth) {
  const Column inputs[] = {Some(), Ints({7, 8})};
  EXPECT_EQ(Text(Column::Gather(inputs, From{{1, 1}, {0, 1}, {0, 0}, {1, 0}})), "8 null 1 7");
  const Column texts[] = {Texts({"a", "b"}), Column::Nulls(T("string?"), 1)};
  EXPECT_EQ(Text(Column::Gather(texts, From{{1, 0}, {0, 0}})), "null 'a'");
  const Column ragged[] = {Ragged({{1}, {2, 3}}), Column::Nulls(T("f32[N]?"), 2)};
  EXPECT_EQ(Text(Column::Gather(ragged, From{{0, 1}, {1, 0}, {0, 0}})), "[2, 3] null [1]");
}

TEST(ColumnNullsTest, TakesNullsWhereThereIsNoRow) {
  EXPECT_EQ(Text(Some().TakeOrNull(Indices{2, -1, 1, 0}, T("i64?"))), "3 null null 1");
  EXPECT_EQ(Text(Texts({"a", "b"}).TakeOrNull(Indices{-1, 1, -1}, T("string?"))), "null 'b' null");
  EXPECT_EQ(Text(Ragged({{1}, {2, 3}}).TakeOrNull(Indices{1, -1}, T("f32[N]?"))), "[2, 3] null");
  EXPECT_EQ(Text(Column::Empty(T("f32[2]")).TakeOrNull(Indices{-1, -1}, T("f32[2]?"))),
            "null null");
  EXPECT_TRUE(Floats({1, 2}).TakeOrNull(Indices{-1, 0}, T("f32?")).is_dense());
  EXPECT_FALSE(Ints({1, 2}).TakeOrNull(Indices{1, 0}, T("i64?")).validity().defined());
}

TEST(ColumnNullsTest, ManyNullsHaveOneRowInMemory) {
  constexpr int64_t kMany = int64_t{1} << 40;
  for (const char* type : {"i64?", "string?", "f32[3]?", "u8[H, W, 3]?"}) {
    const Column nulls = Column::Nulls(T(type), kMany);
    EXPECT_EQ(nulls.num_rows(), kMany);
    EXPECT_EQ(Text(nulls.Slice(5, 7)), "null null");
    EXPECT_EQ(Text(nulls.Slice(5, 7).CheckType(T(type))), "fine") << type;
  }
  EXPECT_EQ(Text(Column::Constant(Value(), T("i64?"), 2)), "null null");
  EXPECT_EQ(Text(Column::Constant(Value(int64_t{3}), T("i64?"), 2)), "3 3");
  EXPECT_FALSE(Column::Constant(Value(), T("i64"), 2).ok());
}

TEST(ColumnNullsTest, RowsMayBeMissing) {
  EXPECT_EQ(Text(Column::FromRows({Row({1, 2}, {2}), {}, Row({3, 4}, {2})}, T("f32[2]?"))),
            "[1, 2] null [3, 4]");
  EXPECT_EQ(Text(Column::FromRows({{}, Row({3}, {1}), Row({}, {0})}, T("f32[N]?"))), "null [3] []");
  const Column all = Column::FromRows({{}, {}}, T("f32[2]?"));
  EXPECT_EQ(Text(all), "null null");
  EXPECT_EQ(Text(all.CheckType(T("f32[2]?"))), "fine");
}

TEST(ColumnNullsTest, OnlyOptionalTypesHaveNulls) {
  EXPECT_EQ(Text(Some().CheckType(T("i64?"))), "fine");
  EXPECT_EQ(Text(Ints({1}).CheckType(T("i64?"))), "fine");
  const Status status = Some().CheckType(T("i64"));
  EXPECT_EQ(status.error().message, "has no value, declared i64");
  EXPECT_EQ(status.error().row_id, 1);
  EXPECT_FALSE(Some().CheckType(T("f32?")).ok());
}

TEST(ColumnNullsTest, ShapesOfNullsAreNotCompared) {
  const SchemaPtr schema = S({{"a", "f32[N]?"}, {"b", "f32[N]"}});
  const Column a = Column::FromRows({Row({1, 2}, {2}), {}}, T("f32[N]?"));
  const Result<Batch> fits = Batch::Make(schema, {a, Ragged({{1, 2}, {1, 2, 3}})});
  EXPECT_TRUE(fits.ok()) << fits.error().message;
  EXPECT_TRUE(Batch::Make(schema, {Column::Nulls(T("f32[N]?"), 1), Ragged({{1, 2}})}).ok());
  EXPECT_FALSE(Batch::Make(schema, {a, Ragged({{1}, {1, 2, 3}})}).ok());
}

}  // namespace
}  // namespace raceway::engine
