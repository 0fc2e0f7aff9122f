#include "engine/data/batch.h"

#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

#include "tests/engine/data/columns.h"

namespace raceway::engine {
namespace {

using testing::DataOf;
using testing::Floats;
using testing::Ints;
using testing::MakeBatch;
using testing::Ragged;
using testing::S;
using testing::Text;
using testing::Texts;
using testing::Vectors;
using Names = std::vector<std::string>;
using Indices = std::vector<int64_t>;

Batch Table() {
  return MakeBatch(S({{"id", "i64"}, {"x", "f32"}, {"name", "string"}}),
                   {Ints({1, 2, 3}), Floats({0.1F, 0.2F, 0.3F}), Texts({"a", "b", "c"})});
}

TEST(BatchTest, ChecksWhatItIsMadeFrom) {
  const SchemaPtr schema = S({{"id", "i64"}, {"x", "f32[2]"}});
  EXPECT_EQ(Text(Batch::Make(schema, {Ints({1})})),
            "invalid argument: there are 1 columns, declared (id: i64, x: f32[2])");
  EXPECT_EQ(Text(Batch::Make(schema, {Ints({1}), Vectors({{1, 2, 3}})})),
            "invalid argument: column `x` is f32[3], declared f32[2]");
  EXPECT_EQ(Text(Batch::Make(schema, {Ints({1}), Vectors({{1, 2}, {3, 4}})})),
            "invalid argument: column `x` has 2 rows, `id` has 1");
  EXPECT_EQ(Text(Batch::Make(schema, {Ints({7}), Vectors({{1, 2}})})), "#0 id=7 x=[1, 2]\n");
}

TEST(BatchTest, AlikeSymbolsAgreeAcrossColumns) {
  const SchemaPtr schema = S({{"ids", "f32[N]"}, {"mask", "f32[N]"}});
  EXPECT_TRUE(Batch::Make(schema, {Ragged({{1}, {1, 2}}), Ragged({{0}, {0, 1}})}).ok());
  EXPECT_EQ(Text(Batch::Make(schema, {Ragged({{1}, {1, 2}}), Ragged({{0}, {0}})})),
            "invalid argument: row 2: `N` is 2 in `ids` but 1 in `mask`");
  EXPECT_EQ(Text(Batch::Make(schema, {Vectors({{1}, {2}}), Vectors({{1, 2}, {3, 4}})})),
            "invalid argument: `N` is 1 in `ids` but 2 in `mask`");
}

TEST(BatchTest, CanHaveNoRowsAndNoColumns) {
  EXPECT_EQ(Batch::Empty(S({{"x", "u8[H, W, 3]"}, {"b", "bytes"}})).num_rows(), 0);
  EXPECT_TRUE(Batch::Make(S({}), {}).ok());
  EXPECT_FALSE(Batch());
}

TEST(LayoutTest, CarriesRenamesNothingAndDropsTheRest) {
  const Batch table = Table();
  const Layout layout = *Layout::Make(*table.schema(), S({{"name", "string"}, {"id", "i64"}}), {});
  const Batch narrow = layout.SameRows(table, {});
  EXPECT_EQ(Text(narrow), "#0 name='a' id=1\n#1 name='b' id=2\n#2 name='c' id=3\n");
  EXPECT_EQ(DataOf(narrow.column(0)), DataOf(table.column(2)));
}

TEST(LayoutTest, PutsDefinedColumnsInTheirPlace) {
  const Batch table = Table();
  const Names defined = {"unread", "y"};
  const Layout layout = *Layout::Make(*table.schema(), S({{"y", "i64"}, {"id", "i64"}}), defined);
  EXPECT_FALSE(layout.is_wanted(0));
  EXPECT_TRUE(layout.is_wanted(1));
  EXPECT_EQ(Text(layout.SameRows(table, {Column(), Ints({7, 8, 9})})),
            "#0 y=7 id=1\n#1 y=8 id=2\n#2 y=9 id=3\n");
}

TEST(LayoutTest, KeepsSomeRowsAndWhereTheyStemFrom) {
  const Batch table = Table();
  const Layout layout = *Layout::Make(*table.schema(), S({{"id", "i64"}}), {});
  const Batch two = layout.SomeRows(table, Indices{0, 2});
  EXPECT_EQ(Text(two), "#0 id=1\n#2 id=3\n");
  const Layout again = *Layout::Make(*two.schema(), two.schema(), {});
  EXPECT_EQ(Text(again.SomeRows(two, Indices{1})), "#2 id=3\n");
}

TEST(LayoutTest, AllRowsAreTheSameBatch) {
  const Batch table = Table();
  const Layout layout = *Layout::Make(*table.schema(), table.schema(), {});
  const Batch all = layout.SomeRows(table, Indices{0, 1, 2});
  EXPECT_EQ(&all.columns(), &table.columns());
}

TEST(LayoutTest, TheFirstRowsNeedNoIds) {
  const Batch table = Table();
  const Layout layout = *Layout::Make(*table.schema(), table.schema(), {});
  const Batch two = layout.SomeRows(table, Indices{0, 1});
  EXPECT_EQ(two.row_ids(), nullptr);
  EXPECT_EQ(DataOf(two.column(1)), DataOf(table.column(1)));
  EXPECT_EQ(layout.SomeRows(table, {}).num_rows(), 0);
}

TEST(LayoutTest, RefusesWhatIsNotThere) {
  const Schema input = *Table().schema();
  const auto error = [&input](SchemaPtr output) {
    return Layout::Make(input, std::move(output), {}).error().message;
  };
  EXPECT_EQ(error(S({{"y", "i64"}})), "no column `y` in (id: i64, x: f32, name: string)");
  EXPECT_EQ(error(S({{"x", "i64"}})), "column `x` is f32, declared i64");
}

}  // namespace
}  // namespace raceway::engine
