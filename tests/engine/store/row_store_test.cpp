#include "engine/store/row_store.h"

#include <gtest/gtest.h>

#include <fstream>

#include "engine/store/open_store.h"
#include "tests/engine/store/stores.h"

namespace raceway::engine {
namespace {

using testing::DataOf;
using testing::Found;
using testing::Ints;
using testing::MakeBatch;
using testing::Ragged;
using testing::S;
using testing::Texts;

Batch Users() {
  return MakeBatch(S({{"user", "string"}, {"taste", "f32[N]"}, {"age", "i64?"}}),
                   {Texts({"eve", "bob", "ann"}), Ragged({{1, 2}, {3}, {}}), Ints({30, 40, 50})});
}

std::shared_ptr<const Store> StoreOf(const Batch& rows) {
  Result<std::shared_ptr<const Store>> store = MakeRowStore(rows, "users");
  EXPECT_TRUE(store.ok()) << store.error().Text();
  return *store;
}

TEST(RowStoreTest, AnswersWholeColumns) {
  const auto store = StoreOf(Users());
  EXPECT_EQ(Found(*store, Texts({"ann", "nobody", "eve", "ann"}), {0, 1}),
            "[] - [1, 2] [] | 50 - 30 50");
  EXPECT_EQ(Found(*store, Texts({"nobody"}), {1}), "-");
  EXPECT_EQ(Found(*store, Texts({"bob"}), {1}), "40");
  EXPECT_EQ(Found(*store, Texts({}), {1}), "");
}

TEST(RowStoreTest, HandsOutTensorsWithoutCopyingThem) {
  const Batch users = Users();
  const auto store = StoreOf(users);
  const CancelToken cancel;
  const std::vector<size_t> taste = {0};
  const Result<Store::Found> found = store->Find(Texts({"bob", "nobody", "eve"}), taste, cancel);
  EXPECT_EQ(found->columns[0].Row(2).const_data_ptr(), DataOf(users.column(1)));
}

TEST(RowStoreTest, FindsNumbersOfAnyWidthAndBools) {
  const Batch flags = MakeBatch(S({{"key", "bool"}, {"s", "string"}}),
                                {testing::Bools({true, false}), Texts({"yes", "no"})});
  EXPECT_EQ(Found(*StoreOf(flags), testing::Bools({false, true}), {0}), "'no' 'yes'");
  const Batch bytes =
      MakeBatch(S({{"key", "u8"}, {"n", "i64"}}),
                {Column(at::tensor({255, 0}, at::kLong).to(at::kByte)), Ints({1, 2})});
  EXPECT_EQ(Found(*StoreOf(bytes), at::tensor({0, 7, 255}, at::kLong).to(at::kByte), {0}), "2 - 1");
}

TEST(RowStoreTest, WithoutRowsHasNothing) {
  const auto store = StoreOf(Batch::Empty(Users().schema()));
  EXPECT_EQ(Found(*store, Texts({"eve", "bob"}), {0, 1}), "- - | - -");
}

TEST(RowStoreTest, RefusesASecondRowForAKey) {
  const Batch twice =
      MakeBatch(S({{"id", "i64"}, {"x", "i64"}}), {Ints({3, 4, 3}), Ints({1, 2, 3})});
  EXPECT_EQ(MakeRowStore(twice, "users").error().Text(), "store users: two rows have the key 3");
  const Batch texts = MakeBatch(S({{"id", "string"}}), {Texts({"a", "a"})});
  EXPECT_EQ(MakeRowStore(texts, "users").error().Text(),
            "store users: two rows have the key \"a\"");
  const Batch times = MakeBatch(S({{"at", "timestamp"}}), {Ints({1'000'000'000, 1'000'000'000})});
  EXPECT_EQ(MakeRowStore(times, "users").error().Text(),
            "store users: two rows have the key 1970-01-01T00:00:01Z");
  const Batch large = MakeBatch(S({{"id", "u64"}}), {Ints({-1, -1}).dense().view(at::kUInt64)});
  EXPECT_EQ(MakeRowStore(large, "users").error().Text(),
            "store users: two rows have the key 18446744073709551615");
}

class OpenStoreTest : public testing::FolderTest {
 protected:
  StoreSpec Spec(const std::string& rows, const std::string& kind = "rows") {
    std::ofstream(folder_ / "users.jsonl") << rows;
    return {.name = "users",
            .kind = kind,
            .source = "users.jsonl",
            .base_dir = folder_,
            .sha256 = "",
            .schema = *S({{"user", "string"}, {"age", "i64?"}})};
  }
};

TEST_F(OpenStoreTest, ReadsJsonLines) {
  const auto store =
      OpenStore(Spec("{\"user\": \"eve\", \"age\": 30}\n{\"user\": \"bob\", \"age\": null}\n"));
  ASSERT_TRUE(store.ok()) << store.error().Text();
  EXPECT_EQ(Found(**store, Texts({"bob", "eve"}), {0}), "null 30");
}

TEST_F(OpenStoreTest, SharesWhatIsOpenWithTheSameContent) {
  StoreSpec spec = Spec("{\"user\": \"eve\", \"age\": 30}\n");
  spec.sha256 = "abc";
  const auto first = OpenStore(spec);
  EXPECT_EQ(*first, *OpenStore(spec));
  spec.sha256 = "abd";
  EXPECT_NE(*first, *OpenStore(spec));
}

TEST_F(OpenStoreTest, SaysWhatIsWrong) {
  EXPECT_EQ(OpenStore(Spec("{\"user\": 3, \"age\": 30}\n")).error().Text(),
            "users.jsonl:1: `user` wants a string, found 3");
  EXPECT_EQ(OpenStore(Spec("{\"user\": \"eve\"}\n")).error().Text(),
            "users.jsonl:1: no column `age`, store users takes (user: string, age: i64?)");
  EXPECT_EQ(OpenStore(Spec("", "sqlite")).error().Text(),
            "store users: there is no kind of store `sqlite`");
  StoreSpec spec = Spec("");
  spec.source = "nobody.jsonl";
  EXPECT_EQ(OpenStore(spec).error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace raceway::engine
