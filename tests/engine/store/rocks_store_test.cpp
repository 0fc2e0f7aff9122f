#include "engine/store/rocks_store.h"

#include <ATen/ops/empty.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/db.h>
#include <sys/file.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <thread>

#include "engine/data/text_tensor.h"
#include "engine/store/open_store.h"
#include "engine/store/row_codec.h"
#include "engine/store/row_database.h"
#include "tests/engine/store/stores.h"

namespace raceway::engine {
namespace {

using testing::Bools;
using ::testing::ElementsAre;
using testing::Found;
using ::testing::HasSubstr;
using testing::Ints;
using testing::MakeBatch;
using testing::Ragged;
using testing::S;
using testing::Texts;
using testing::Vectors;

Batch Users() {
  return MakeBatch(S({{"user", "string"},
                      {"taste", "f32[2]"},
                      {"seen", "i64[N]"},
                      {"age", "i64?"},
                      {"name", "string?"}}),
                   {Texts({"eve", "bob", ""}), Vectors({{1, 2}, {3, 4}, {5, 6}}),
                    Ragged({{7}, {8, 9}, {}}, at::kLong),
                    Ints({30, 0, 50}).WithValidity(Bools({true, false, true}).dense()),
                    Texts({"Eve", "", "Nobody"}).WithValidity(Bools({true, false, true}).dense())});
}

class RocksStoreTest : public testing::FolderTest {
 protected:
  StoreSpec Spec(const Schema& schema, const std::string& folder = "users") const {
    return {.name = "users",
            .kind = "rocksdb",
            .source = folder,
            .base_dir = folder_,
            .sha256 = "",
            .schema = schema};
  }

  std::shared_ptr<const Store> Open(const Schema& schema, const std::string& folder = "users") {
    Result<std::shared_ptr<const Store>> store = OpenStore(Spec(schema, folder));
    EXPECT_TRUE(store.ok()) << store.error().Text();
    return store.ok() ? *store : nullptr;
  }

  std::string OpenError(const Schema& schema) {
    const auto store = OpenStore(Spec(schema));
    if (store) return "fine";
    std::string text = std::string(NameOf(store.error().code)) + ": " + store.error().Text();
    // The folder of the test has a name of its own.
    const std::string own = folder_.string() + "/";
    for (size_t at = text.find(own); at != std::string::npos; at = text.find(own)) {
      text.erase(at, own.size());
    }
    return text;
  }

  /// Overwrites bytes of the largest file of rows, where `pattern` is.
  void Damage(const std::string& pattern) {
    for (const auto& entry : std::filesystem::directory_iterator(folder_ / "users")) {
      if (entry.path().extension() != ".sst") continue;
      std::ifstream in(entry.path(), std::ios::binary);
      std::string bytes(std::istreambuf_iterator<char>(in), {});
      const size_t at = bytes.find(pattern);
      if (at == std::string::npos) continue;
      bytes[at] = static_cast<char>(bytes[at] ^ 1);
      std::ofstream(entry.path(), std::ios::binary) << bytes;
      return;
    }
    FAIL() << "no file has " << pattern;
  }
};

TEST_F(RocksStoreTest, AnswersWholeColumns) {
  ASSERT_TRUE(Load("users", Users()).ok());
  const auto store = Open(*Users().schema());
  const std::string expected =
      "[5, 6] - [1, 2] [5, 6] [3, 4] | [] - [7] [] [8, 9] | 50 - 30 50 null | "
      "'Nobody' - 'Eve' 'Nobody' null";
  const Column keys = Texts({"", "nobody", "eve", "", "bob"});
  EXPECT_EQ(Found(*store, keys, {0, 1, 2, 3}), expected) << "cold";
  EXPECT_EQ(Found(*store, keys, {0, 1, 2, 3}), expected) << "from memory";
  EXPECT_EQ(Found(*store, Texts({"bob"}), {2, 1}), "null | [8, 9]");
  EXPECT_EQ(Found(*store, Texts({"nobody"}), {0, 1, 2, 3}), "- | - | - | -");
  EXPECT_EQ(Found(*store, Texts({}), {0}), "");
}

TEST_F(RocksStoreTest, HandsOutTensorsWithoutCopyingThem) {
  ASSERT_TRUE(Load("users", Users()).ok());
  const auto store = Open(*Users().schema());
  const CancelToken cancel;
  const std::vector<size_t> columns = {0, 1};
  const auto first = store->Find(Texts({"bob"}), columns, cancel);
  const auto second = store->Find(Texts({"eve", "bob"}), columns, cancel);
  EXPECT_EQ(first->columns[1].Row(0).const_data_ptr(), second->columns[1].Row(1).const_data_ptr());
  const auto third = store->Find(Texts({"bob"}), columns, cancel);
  EXPECT_EQ(first->columns[0].dense().const_data_ptr(), third->columns[0].dense().const_data_ptr());
  for (const Column& column : first->columns) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(column.Row(0).const_data_ptr()) % 64, 0);
  }
}

TEST_F(RocksStoreTest, TensorsOutliveTheStore) {
  ASSERT_TRUE(Load("users", Users()).ok());
  auto store = Open(*Users().schema());
  const std::vector<size_t> columns = {0};
  const auto found = store->Find(Texts({"bob"}), columns, CancelToken());
  store.reset();
  std::filesystem::remove_all(folder_ / "users");
  EXPECT_EQ(testing::Text(found->columns[0]), "[3, 4]");
}

TEST_F(RocksStoreTest, EveryTypeComesBackAsItWent) {
  const auto all = S({{"key", "i64"},
                      {"a", "bool"},
                      {"b", "u8[2]"},
                      {"c", "f16[N]"},
                      {"d", "f64"},
                      {"e", "timestamp"},
                      {"f", "bytes"},
                      {"g", "string[W]"},
                      {"h", "f32[P, Q]?"},
                      {"i", "u64"},
                      {"j", "f32[0]"}});
  std::string words;
  const int64_t shape[] = {2};
  const std::string_view elements[] = {"ä", ""};
  Pack(shape, elements, words);
  const Batch rows = MakeBatch(
      all, {Ints({-5, 3}), Bools({true, false}), Vectors({{1, 255}, {0, 7}}, at::kByte),
            Ragged({{0.5}, {1, 2, 3}}, at::kHalf), at::tensor({0.1, -1e300}, at::kDouble),
            Ints({1'000'000'000, -1}), Texts({std::string("\0x", 2), ""}), Texts({words, words}),
            Column::FromRows({testing::Row({1, 2, 3, 4}, {2, 2}), at::Tensor()}, (*all)[8].type),
            Ints({-1, 1}).dense().view(at::kUInt64), Vectors({{}, {}})});
  ASSERT_TRUE(Load("users", rows).ok());
  const auto store = Open(*all);
  const std::vector<size_t> columns = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  const auto found = store->Find(Ints({3, -5}), columns, CancelToken());
  ASSERT_TRUE(found.ok()) << found.error().Text();
  for (size_t i = 0; i < columns.size(); ++i) {
    for (int64_t row = 0; row < 2; ++row) {
      EXPECT_EQ(testing::TextOfRow(found->columns[i], row),
                testing::TextOfRow(rows.column(i + 1), 1 - row))
          << (*all)[i + 1].name;
    }
    EXPECT_TRUE(found->columns[i].CheckType((*all)[i + 1].type).ok()) << (*all)[i + 1].name;
  }
}

TEST_F(RocksStoreTest, FindsAmongMany) {
  std::vector<std::string> keys;
  std::vector<std::vector<double>> lists;
  std::vector<int64_t> ages;
  for (int i = 0; i < 500; ++i) {
    keys.push_back("user " + std::to_string(i * 7919 % 1000));
    lists.emplace_back(static_cast<size_t>(i % 5), i);
    ages.push_back(i);
  }
  const Batch rows = MakeBatch(S({{"user", "string"}, {"x", "f32[N]"}, {"age", "i64"}}),
                               {Texts(keys), Ragged(lists), Ints(ages)});
  ASSERT_TRUE(Load("users", rows).ok());
  const auto store = Open(*rows.schema());
  for (int begin = 0; begin < 1000; begin += 37) {
    std::string expected;
    std::vector<std::string> asked;
    std::string lists_of;
    std::string ages_of;
    for (int i = begin; i < begin + 37; ++i) {
      asked.push_back("user " + std::to_string(i));
      const auto at = std::find(keys.begin(), keys.end(), asked.back()) - keys.begin();
      const bool is_there = at < 500;
      lists_of +=
          (i == begin ? "" : " ") + (is_there ? testing::TextOfRow(rows.column(1), at) : "-");
      ages_of += (i == begin ? "" : " ") + (is_there ? std::to_string(at) : "-");
    }
    EXPECT_EQ(Found(*store, Texts(asked), {0, 1}), lists_of + " | " + ages_of);
  }
}

TEST_F(RocksStoreTest, FlowsShareWhatIsOpen) {
  ASSERT_TRUE(Load("users", Users()).ok());
  const auto one = Open(*S({{"who", "string"}, {"seen", "i64[M]"}, {"age", "i64?"}}));
  const auto other = Open(*S({{"user", "string"}, {"seen", "i64[_]"}}));
  const std::vector<size_t> seen = {0};
  const auto first = one->Find(Texts({"eve"}), seen, CancelToken());
  const auto second = other->Find(Texts({"eve"}), seen, CancelToken());
  EXPECT_EQ(first->columns[0].Row(0).const_data_ptr(), second->columns[0].Row(0).const_data_ptr());
}

TEST_F(RocksStoreTest, SaysWhatTheFlowDeclaresOtherwise) {
  ASSERT_TRUE(Load("users", Users()).ok());
  const auto error = [&](const SchemaPtr& schema) { return OpenError(*schema); };
  EXPECT_EQ(error(S({{"user", "i64"}, {"age", "i64?"}})),
            "invalid argument: store users: `users` has the key `user: string`, the flow declares "
            "`user: i64`");
  EXPECT_EQ(error(S({{"user", "string"}, {"taste", "f32[3]"}})),
            "invalid argument: store users: `users` has `taste: f32[2]`, the flow declares "
            "`f32[3]`; declare it so, or load the rows again");
  EXPECT_EQ(error(S({{"user", "string"}, {"age", "i64"}})),
            "invalid argument: store users: `users` has `age: i64?`, the flow declares `i64`; "
            "declare it so, or load the rows again");
  EXPECT_EQ(error(S({{"user", "string"}, {"height", "f32"}})),
            "invalid argument: store users: `users` has no column `height`, it has (user: string, "
            "taste: f32[2], seen: i64[N], age: i64?, name: string?)");
  EXPECT_EQ(error(S({{"user", "string"}, {"taste", "f32[N]"}, {"seen", "i64[_]"}})), "fine");
}

TEST_F(RocksStoreTest, SaysWhatIsWrongWithAFolder) {
  const Schema schema = *Users().schema();
  EXPECT_EQ(OpenError(schema),
            "unavailable: store users: `users` is not there; `raceway store load` makes one");
  std::ofstream(folder_ / "users") << "x";
  EXPECT_THAT(OpenError(schema), HasSubstr("is no folder of rows, but a file"));
  std::filesystem::remove(folder_ / "users");
  std::filesystem::create_directory(folder_ / "users");
  EXPECT_THAT(OpenError(schema), HasSubstr("is no folder of rows (it has no CURRENT)"));
  std::ofstream(folder_ / "users" / "RACEWAY") << "";
  EXPECT_THAT(OpenError(schema), HasSubstr("is damaged: it has no CURRENT; load it again"));
  std::ofstream(folder_ / "users" / "CURRENT") << "nonsense";
  EXPECT_THAT(OpenError(schema), HasSubstr("store users: `users` is damaged: Corruption"));
  std::filesystem::remove_all(folder_ / "users");
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* foreign = nullptr;
  ASSERT_TRUE(rocksdb::DB::Open(options, (folder_ / "users").string(), &foreign).ok());
  ASSERT_TRUE(foreign->Put({}, "d", "{\"raceway_store\": 2}").ok());
  delete foreign;
  EXPECT_THAT(OpenError(schema), HasSubstr("it has format 2, this release reads format 1"));
  ASSERT_TRUE(rocksdb::DB::Open(options, (folder_ / "users").string(), &foreign).ok());
  ASSERT_TRUE(foreign->Delete({}, "d").ok());
  delete foreign;
  EXPECT_THAT(OpenError(schema), HasSubstr("is a RocksDB database of somebody else; rows go into"));
}

TEST_F(RocksStoreTest, ADamagedRowEndsOnlyItsOwnRequest) {
  std::vector<std::string> keys;
  std::vector<std::string> texts;
  for (int i = 0; i < 100; ++i) {
    keys.push_back("key " + std::to_string(i));
    texts.push_back("text " + std::to_string(i) + std::string(20'000, '.'));
  }
  const auto schema = S({{"key", "string"}, {"text", "string"}});
  ASSERT_TRUE(Load("users", MakeBatch(schema, {Texts(keys), Texts(texts)})).ok());
  Damage("text 42.");
  const auto store = Open(*schema);
  const std::vector<size_t> columns = {0};
  const auto found = store->Find(Texts({"key 7", "key 42"}), columns, CancelToken());
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().code, ErrorCode::kFailed);
  EXPECT_EQ(found.error().row_id, 1);
  EXPECT_THAT(found.error().message, HasSubstr("the row cannot be read (Corruption"));
  EXPECT_THAT(found.error().message, HasSubstr("load it again"));
  const auto others = store->Find(Texts({"key 7", "key 99"}), columns, CancelToken());
  EXPECT_TRUE(others.ok()) << others.error().Text();
}

TEST_F(RocksStoreTest, BytesThatAreNoRowAreRefused) {
  const RowCodec codec(*Users().schema());
  std::string row;
  codec.Encode(Users(), 0, row);
  ASSERT_TRUE(codec.Decode(row).ok());
  for (size_t size = 0; size < row.size(); ++size) {
    EXPECT_FALSE(codec.Decode(std::string_view(row).substr(0, size)).ok()) << size;
  }
  for (size_t at = 0; at < 64; ++at) {
    std::string changed = row;
    changed[at] = static_cast<char>(changed[at] ^ 0x55);
    const Result<StoredRowPtr> read = codec.Decode(changed);  // must not crash
    if (!read.ok()) {
      EXPECT_THAT(read.error().message, HasSubstr("is damaged"));
    }
  }
}

TEST_F(RocksStoreTest, TensorsWithoutElementsComeBack) {
  const auto schema = S({{"key", "i64"}, {"x", "f32[N, 512]"}});
  const Batch rows =
      MakeBatch(schema, {Ints({1}), Column::FromRows({at::empty({0, 512})}, (*schema)[1].type)});
  std::string bytes;
  const RowCodec codec(*schema);
  codec.Encode(rows, 0, bytes);
  const Result<StoredRowPtr> row = codec.Decode(bytes);
  ASSERT_TRUE(row.ok()) << row.error().Text();
  EXPECT_EQ((*row)->cells[0].tensor.sizes().vec(), (std::vector<int64_t>{0, 512}));
}

TEST_F(RocksStoreTest, SizesThatNoTensorHasAreRefused) {
  const RowCodec codec(*S({{"key", "i64"}, {"x", "f32[A, B, C, D]"}}));
  const auto row = [](const std::vector<uint64_t>& words) {
    std::string bytes(64, '\0');
    std::memcpy(bytes.data(), words.data(), words.size() * 8);
    return bytes;
  };
  ASSERT_TRUE(codec.Decode(row({0, 0, 4, 4, 4})).ok());
  const uint64_t million = 1'000'000;
  const std::vector<std::vector<uint64_t>> hostile = {{0, 0, 4 * million, 4 * million, 4 * million},
                                                      {0, 4 * million, 4 * million, 4 * million, 0},
                                                      {0, 0, ~uint64_t{0}, 1, 1},
                                                      {0, 0, uint64_t{1} << 63, 1, 1},
                                                      {0, uint64_t{1} << 62, 1, 1, 1}};
  for (const std::vector<uint64_t>& words : hostile) {
    EXPECT_FALSE(codec.Decode(row(words)).ok()) << words[1] << " " << words[2];
  }
}

TEST_F(RocksStoreTest, LoadingReplacesTheFolderInOneStep) {
  ASSERT_TRUE(Load("users", Users()).ok());
  const auto before = Open(*Users().schema());
  const Batch rows =
      MakeBatch(S({{"user", "string"}, {"age", "i64"}}), {Texts({"eve"}), Ints({31})});
  ASSERT_TRUE(Load("users", rows).ok());
  EXPECT_EQ(Found(*before, Texts({"bob"}), {0}), "[3, 4]") << "who has it open keeps the old one";
  EXPECT_EQ(Found(*Open(*rows.schema()), Texts({"eve", "bob"}), {0}), "31 -");
  EXPECT_THAT(Names(), ElementsAre("users"));
}

TEST_F(RocksStoreTest, WithoutFinishAllStaysAsItWas) {
  ASSERT_TRUE(Load("users", Users()).ok());
  const auto schema = S({{"user", "string"}, {"age", "i64"}});
  const Batch twice = MakeBatch(schema, {Texts({"a", "b", "a"}), Ints({1, 2, 3})});
  EXPECT_EQ(Load("users", twice).error().Text(), "lines 1 and 3 have the same key, \"a\"");
  EXPECT_EQ(Found(*Open(*Users().schema()), Texts({"bob"}), {0}), "[3, 4]");
  EXPECT_THAT(Names(), ElementsAre("users"));
  EXPECT_EQ(Load("new", twice).error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(Names(), ElementsAre("users"));
}

TEST_F(RocksStoreTest, OneLoadsAtATime) {
  const auto schema = S({{"user", "string"}, {"age", "i64"}});
  auto writer = StoreWriter::Begin(folder_ / "users", *schema);
  ASSERT_TRUE(writer.ok()) << writer.error().Text();
  EXPECT_TRUE(IsBeingLoaded(folder_ / "users"));
  EXPECT_THAT(OpenError(*schema), HasSubstr("is being loaded, and not there before that is done"));
  EXPECT_THAT(StoreWriter::Begin(folder_ / "users/", *schema).error().Text(),
              HasSubstr("another process is loading it"));
  writer->reset();
  EXPECT_FALSE(IsBeingLoaded(folder_ / "users"));
  // What a killed process left is cleared away.
  std::filesystem::create_directory(folder_ / ".users.loading");
  std::ofstream(folder_ / ".users.loading" / "000001.sst") << "rest";
  EXPECT_TRUE(Load("users", MakeBatch(schema, {Texts({"a"}), Ints({1})})).ok());
  EXPECT_THAT(Names(), ElementsAre("users"));
}

TEST_F(RocksStoreTest, DoesNotWriteOverWhatIsNoStore) {
  std::filesystem::create_directory(folder_ / "photos");
  std::ofstream(folder_ / "photos" / "cat.png") << "x";
  EXPECT_THAT(Load("photos", Users()).error().Text(), HasSubstr("holds something else"));
  // A database that somebody else made, and a file in the place of a folder.
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* foreign = nullptr;
  ASSERT_TRUE(rocksdb::DB::Open(options, (folder_ / "theirs").string(), &foreign).ok());
  ASSERT_TRUE(foreign->Put({}, "key", "value").ok());
  delete foreign;
  EXPECT_THAT(Load("theirs", Users()).error().Text(), HasSubstr("holds something else"));
  std::ofstream(folder_ / "file") << "x";
  EXPECT_THAT(Load("file", Users()).error().Text(), HasSubstr("holds something else"));
  EXPECT_THAT(Names(), ElementsAre("file", "photos", "theirs"));
  EXPECT_THAT(
      StoreWriter::Begin(folder_ / "users", *S({{"x", "f32"}, {"y", "f32"}})).error().Text(),
      HasSubstr("is not a key"));
}

TEST_F(RocksStoreTest, WhatComesWhileItLoadsIsNotReplaced) {
  const Batch rows = Users();
  const std::vector<int64_t> lines = {1, 2, 3};
  for (const bool is_file : {true, false}) {
    auto writer = StoreWriter::Begin(folder_ / "users", *rows.schema());
    ASSERT_TRUE(writer.ok());
    ASSERT_TRUE((*writer)->Add(rows, lines).ok());
    if (!is_file) std::filesystem::create_directory(folder_ / "users");
    std::ofstream(is_file ? folder_ / "users" : folder_ / "users" / "cat.png") << "mine";
    EXPECT_THAT((*writer)->Finish(CancelToken()).error().Text(), HasSubstr("holds something else"));
    writer->reset();
    EXPECT_THAT(Names(), ElementsAre("users"));
    EXPECT_TRUE(std::filesystem::exists(is_file ? folder_ / "users" : folder_ / "users/cat.png"));
    std::filesystem::remove_all(folder_ / "users");
  }
}

TEST_F(RocksStoreTest, SortingThatIsCancelledLeavesAllAsItWas) {
  ASSERT_TRUE(Load("users", Users()).ok());
  const Batch rows =
      MakeBatch(S({{"user", "string"}, {"age", "i64"}}), {Texts({"bob"}), Ints({7})});
  auto writer = StoreWriter::Begin(folder_ / "users", *rows.schema());
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE((*writer)->Add(rows, std::vector<int64_t>{1}).ok());
  CancelToken cancel;
  cancel.Cancel();
  EXPECT_EQ((*writer)->Finish(cancel).error().code, ErrorCode::kCancelled);
  writer->reset();
  EXPECT_THAT(Names(), ElementsAre("users"));
  EXPECT_EQ(Found(*Open(*Users().schema()), Texts({"bob"}), {0}), "[3, 4]");
}

TEST_F(RocksStoreTest, TheOldFolderIsHeldWhileItGoes) {
  ASSERT_TRUE(Load("users", Users()).ok());
  const int held = ::open((folder_ / "users").c_str(), O_RDONLY | O_DIRECTORY);
  ASSERT_EQ(::flock(held, LOCK_EX), 0);
  std::atomic<bool> is_done = false;
  std::thread loading([&] {
    EXPECT_TRUE(Load("users", Users()).ok());
    is_done = true;
  });
  // It waits for the lock before the folders change places.
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  EXPECT_FALSE(is_done);
  ::close(held);
  loading.join();
  EXPECT_THAT(Names(), ElementsAre("users"));
}

TEST_F(RocksStoreTest, LoadsWhereALinkLeads) {
  std::filesystem::create_directory(folder_ / "real");
  std::filesystem::create_directory_symlink(folder_ / "real", folder_ / "users");
  ASSERT_TRUE(Load("users", Users()).ok());
  ASSERT_TRUE(Load("users", Users()).ok());
  EXPECT_TRUE(std::filesystem::is_symlink(folder_ / "users"));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "real" / "CURRENT"));
}

TEST_F(RocksStoreTest, OtherRowsInTheSameFolderAreAnotherDatabase) {
  const auto schema = S({{"user", "string"}, {"age", "i64"}});
  ASSERT_TRUE(Load("users", MakeBatch(schema, {Texts({"eve"}), Ints({1})})).ok());
  ASSERT_TRUE(Load("others", MakeBatch(schema, {Texts({"eve"}), Ints({2})})).ok());
  const auto before = Open(*schema);
  // As if a new folder had got the number of one that is gone.
  for (const auto& entry : std::filesystem::directory_iterator(folder_ / "users")) {
    std::filesystem::remove(entry.path());
  }
  for (const auto& entry : std::filesystem::directory_iterator(folder_ / "others")) {
    std::filesystem::rename(entry.path(), folder_ / "users" / entry.path().filename());
  }
  EXPECT_EQ(Found(*Open(*schema), Texts({"eve"}), {0}), "2");
  EXPECT_EQ(Found(*before, Texts({"eve"}), {0}), "1");
}

TEST_F(RocksStoreTest, ReadingWritesNothing) {
  ASSERT_TRUE(Load("users", Users()).ok());
  const auto files = [&] {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ / "users")) {
      names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  };
  const auto before = files();
  EXPECT_EQ(Found(*Open(*Users().schema()), Texts({"bob"}), {0}), "[3, 4]");
  EXPECT_EQ(files(), before);
}

TEST_F(RocksStoreTest, PrefetchBringsRowsIntoMemory) {
  ASSERT_TRUE(Load("users", Users()).ok());
  Result<std::shared_ptr<RowDatabase>> database =
      RowDatabase::Open(folder_ / "users", "users", 1 << 20);
  ASSERT_TRUE(database.ok());
  const std::vector<std::string> keys = EncodeKeys(Texts({"bob", "nobody", "bob"}));
  (*database)->Prefetch(keys);
  for (int i = 0; i < 2000 && !(*database)->cache().Contains("nobody"); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_TRUE((*database)->cache().Contains("bob"));
  EXPECT_FALSE((*database)->cache().Contains("eve"));
  const auto rows = (*database)->Find(keys, CancelToken());
  ASSERT_TRUE(rows.ok());
  EXPECT_EQ((*database)->cache().counts().misses, 0);
  // Ends with keys that nobody has read yet.
  for (int i = 0; i < 100; ++i) (*database)->Prefetch({"key " + std::to_string(i)});
}

TEST_F(RocksStoreTest, StopsWhenTheRequestDoes) {
  ASSERT_TRUE(Load("users", Users()).ok());
  const auto store = Open(*Users().schema());
  CancelToken cancel;
  cancel.Cancel();
  const std::vector<size_t> columns = {0};
  EXPECT_EQ(store->Find(Texts({"bob"}), columns, cancel).error().code, ErrorCode::kCancelled);
}

}  // namespace
}  // namespace raceway::engine
