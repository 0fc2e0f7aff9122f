#include "engine/store/row_cache.h"

#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace raceway::engine {
namespace {

StoredRowPtr RowOf(int64_t num_bytes) {
  auto row = std::make_shared<StoredRow>();
  row->bytes = at::empty({num_bytes}, at::kByte);
  return row;
}

TEST(RowCacheTest, KnowsRowsAndThatThereAreNone) {
  RowCache cache(1 << 20);
  EXPECT_EQ(cache.Find("a"), std::nullopt);
  const StoredRowPtr row = RowOf(8);
  cache.Insert("a", row);
  cache.Insert("b", nullptr);
  EXPECT_EQ(cache.Find("a"), row);
  EXPECT_EQ(cache.Find("b"), StoredRowPtr());
  EXPECT_TRUE(cache.Contains("b"));
  EXPECT_FALSE(cache.Contains("c"));
  EXPECT_EQ(cache.counts().hits, 2);
  EXPECT_EQ(cache.counts().misses, 1);
}

TEST(RowCacheTest, TheFirstOfTwoRowsWins) {
  RowCache cache(1 << 20);
  const StoredRowPtr row = RowOf(8);
  cache.Insert("a", row);
  EXPECT_EQ(cache.Insert("a", RowOf(8)), row);
  EXPECT_EQ(cache.counts().num_rows, 1);
}

TEST(RowCacheTest, WhatWasAskedForLastStays) {
  RowCache cache(100'000);  // a single shard
  for (int i = 0; i < 9; ++i) cache.Insert(std::to_string(i), RowOf(10'000));
  EXPECT_TRUE(cache.Find("0").has_value());
  cache.Insert("9", RowOf(10'000));
  cache.Insert("10", RowOf(10'000));
  EXPECT_TRUE(cache.Contains("0"));
  EXPECT_FALSE(cache.Contains("1"));
  EXPECT_TRUE(cache.Contains("10"));
  EXPECT_LE(cache.counts().num_bytes, 100'000);
}

TEST(RowCacheTest, WhatIsTooLargeIsHandedOutAndNotKept) {
  RowCache cache(100'000);
  cache.Insert("small", RowOf(10));
  const StoredRowPtr large = RowOf(200'000);
  EXPECT_EQ(cache.Insert("large", large), large);
  EXPECT_FALSE(cache.Contains("large"));
  EXPECT_TRUE(cache.Contains("small"));
  cache.GrowTo(1'000'000);
  cache.GrowTo(10);  // never smaller
  cache.Insert("large", large);
  EXPECT_TRUE(cache.Contains("large"));
}

TEST(RowCacheTest, CountsTheObjectsOfTensors) {
  RowCache cache(1 << 20);
  auto row = std::make_shared<StoredRow>();
  row->bytes = at::empty({64}, at::kByte);
  for (int64_t i = 0; i < 8; ++i) {
    row->cells.push_back({.is_null = false, .data = {}, .tensor = row->bytes.narrow(0, i * 8, 8)});
  }
  cache.Insert("a", row);
  // Each tensor is an object of some 200 bytes, however few bytes it shows.
  EXPECT_GT(cache.counts().num_bytes, 64 + 9 * 200);
}

TEST(RowCacheTest, StaysWithinItsBytesWhateverThreadsDo) {
  constexpr int64_t kMaxBytes = int64_t{128} << 20;
  RowCache cache(kMaxBytes);
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (uint64_t seed = 0; seed < 4; ++seed) {
    threads.emplace_back([&, seed] {
      std::mt19937_64 random(seed);
      for (int i = 0; i < 20'000; ++i) {
        const auto number = static_cast<int64_t>(random() % 3000);
        const std::string key = std::to_string(number);
        const std::optional<StoredRowPtr> known = cache.Find(key);
        const StoredRowPtr row = known ? *known : cache.Insert(key, RowOf(64 * number));
        if (row->num_bytes() != 64 * number) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_LE(cache.counts().num_bytes, kMaxBytes);
  EXPECT_EQ(cache.counts().hits + cache.counts().misses, 80'000);
}

}  // namespace
}  // namespace raceway::engine
