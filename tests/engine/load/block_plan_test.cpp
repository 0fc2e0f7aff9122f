#include "engine/load/block_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <set>

#include "engine/load/arena.h"
#include "tests/engine/load/files.h"

namespace raceway::engine::load {
namespace {

using ::testing::HasSubstr;

constexpr BlockPlanOptions kSmall = {.chunk_bytes = 3 * kBlock, .gap_bytes = 0};

Result<BlockPlan> Plan(const std::vector<Extent>& extents, uint64_t file_size,
                       BlockPlanOptions options = kSmall) {
  return BlockPlan::Make(extents, std::vector<uint64_t>{file_size}, options);
}

std::string Refusal(const std::vector<Extent>& extents, uint64_t file_size) {
  const Result<BlockPlan> plan = Plan(extents, file_size);
  return plan.ok() ? "none" : plan.error().message;
}

TEST(BlockPlanTest, ReadsInTheOrderOfUse) {
  EXPECT_EQ(Plan({{1, 0, 20'000, 100, {}}, {0, 0, 100, 200, {}}}, 30'000)->Text(),
            "0: 16384+4096 [1]\n"
            "0: 0+4096 [0]\n");
}

TEST(BlockPlanTest, JoinsNeighboursUpToAChunk) {
  EXPECT_EQ(
      Plan({{0, 0, 0, 5000, {}}, {1, 0, 5000, 5000, {}}, {2, 0, 10'000, 5000, {}}}, 15'000)->Text(),
      "0: 0+12288 [0 1 2]\n"
      "0: 12288+4096 [2]\n");
}

TEST(BlockPlanTest, ReadsASharedBlockOnceWithWhoNeedsItFirst) {
  EXPECT_EQ(
      Plan({{1, 0, 4000, 5000, {}}, {0, 0, 0, 4000, {}}, {2, 0, 9000, 4000, {}}}, 13'000)->Text(),
      "0: 0+12288 [0 1 2]\n"
      "0: 12288+4096 [2]\n");
}

TEST(BlockPlanTest, ReadsSmallGapsRatherThanSkipThem) {
  const std::vector<Extent> extents = {{0, 0, 0, 100, {}}, {1, 0, 8192, 100, {}}};
  EXPECT_EQ(Plan(extents, 10'000)->Text(),
            "0: 0+4096 [0]\n"
            "0: 8192+4096 [1]\n");
  EXPECT_EQ(Plan(extents, 10'000, {.chunk_bytes = 3 * kBlock, .gap_bytes = kBlock})->Text(),
            "0: 0+12288 [0 1]\n");
}

TEST(BlockPlanTest, KnowsWhatTheFileHasOfItsLastBlock) {
  const BlockPlan plan = Plan({{0, 0, 0, 5000, {}}}, 5000).value();
  EXPECT_EQ(plan.chunks()[0], (Chunk{0, 8192, 0, 5000}));
}

TEST(BlockPlanTest, EmptyExtentsNeedNothing) {
  const BlockPlan plan = Plan({{0, 0, 5000, 0, {}}}, 5000).value();
  EXPECT_TRUE(plan.chunks().empty());
  EXPECT_TRUE(plan.PartsOf(0).empty());
}

TEST(BlockPlanTest, KnowsWhatIsReadAsAWhole) {
  const BlockPlan plan =
      Plan({{0, 0, 20'000, 100, {}}, {1, 0, 4096, 20, {}}, {2, 0, 0, 100, {}}}, 30'000).value();
  EXPECT_EQ(plan.chunks().size(), 3u);
  EXPECT_EQ(plan.Runs(), (std::vector<load::Run>{{0, 0, 2 * kBlock}, {0, 4 * kBlock, kBlock}}));
}

TEST(BlockPlanTest, RefusesWhatCannotBe) {
  const uint64_t huge = std::numeric_limits<uint64_t>::max();
  EXPECT_THAT(Refusal({{0, 0, 50, 60, {}}}, 100), HasSubstr("bytes 50+60: ends after the file"));
  EXPECT_THAT(Refusal({{0, 0, 101, 0, {}}}, 100), HasSubstr("ends after the file"));
  EXPECT_THAT(Refusal({{0, 0, 50, huge - 20, {}}}, 100), HasSubstr("ends after the file"));
  EXPECT_THAT(Refusal({{0, 0, huge, 2, {}}}, 100), HasSubstr("ends after the file"));
  EXPECT_THAT(Refusal({{0, 0, 0, 60, {}}, {1, 0, 59, 1, {}}}, 100),
              HasSubstr("storage 1, bytes 59+1: overlaps storage 0"));
  EXPECT_THAT(Refusal({{0, 0, 0, 5, {}}, {0, 0, 9, 5, {}}}, 100), HasSubstr("numbered from 0"));
  EXPECT_THAT(Refusal({{1, 0, 0, 5, {}}}, 100), HasSubstr("numbered from 0"));
  EXPECT_THAT(Refusal({{-1, 0, 0, 5, {}}}, 100), HasSubstr("numbered from 0"));
  EXPECT_THAT(Refusal({{0, 1, 0, 5, {}}}, 100), HasSubstr("there is no file 1"));
  EXPECT_THAT(Refusal({{0, -1, 0, 5, {}}}, 100), HasSubstr("there is no file -1"));
}

// What must hold for any extents: each block once, each byte in one part.
void ExpectSound(const BlockPlan& plan, uint64_t file_size, const BlockPlanOptions& options) {
  std::set<uint64_t> blocks;
  for (const Chunk& chunk : plan.chunks()) {
    EXPECT_EQ(chunk.offset % kBlock, 0u);
    EXPECT_EQ(chunk.size % kBlock, 0u);
    EXPECT_LE(chunk.size, options.chunk_bytes);
    EXPECT_EQ(chunk.num_bytes, std::min<uint64_t>(chunk.size, file_size - chunk.offset));
    for (uint64_t at = chunk.offset; at < chunk.offset + chunk.size; at += kBlock) {
      EXPECT_TRUE(blocks.insert(at).second) << "block at " << at;
    }
  }
  size_t num_parts = 0;
  for (size_t i = 0; i < plan.chunks().size(); ++i) {
    for (const int32_t part : plan.PartsIn(static_cast<int32_t>(i))) {
      EXPECT_EQ(plan.parts()[static_cast<size_t>(part)].chunk, static_cast<int32_t>(i));
      ++num_parts;
    }
  }
  EXPECT_EQ(num_parts, plan.parts().size());
  for (const Extent& extent : plan.extents()) {
    uint64_t at = extent.offset;
    for (const Part& part : plan.PartsOf(extent.storage)) {
      const Chunk& chunk = plan.chunks()[static_cast<size_t>(part.chunk)];
      EXPECT_EQ(part.storage, extent.storage);
      EXPECT_EQ(part.offset, at);
      EXPECT_GE(part.offset, chunk.offset);
      EXPECT_LE(part.offset + part.size, chunk.offset + chunk.num_bytes);
      at += part.size;
    }
    EXPECT_EQ(at, extent.offset + extent.size);
  }
}

TEST(BlockPlanTest, ReadsEachBlockOnceAndEachByteIsInOnePart) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 300; ++i) {
    const testing::RandomFile file(1 + random() % 300'000, random());
    const std::vector<Extent> extents =
        testing::RandomExtents(file, static_cast<int32_t>(1 + random() % 60), random);
    const BlockPlanOptions options = {
        .chunk_bytes = static_cast<uint32_t>(kBlock * (1 + random() % 8)),
        .gap_bytes = static_cast<uint32_t>(random() % 20'000)};
    ExpectSound(Plan(extents, file.bytes().size(), options).value(), file.bytes().size(), options);
  }
}

TEST(BlockPlanTest, RefusesAllThatOverlapsAndNothingElse) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 2000; ++i) {
    std::vector<Extent> extents;
    std::vector<int> owners(200);
    for (int32_t storage = 0; storage < 6; ++storage) {
      extents.push_back({storage, 0, random() % 150, random() % 50, {}});
      for (uint64_t j = 0; j < extents.back().size; ++j) ++owners[extents.back().offset + j];
    }
    const bool are_disjoint = *std::max_element(owners.begin(), owners.end()) <= 1;
    EXPECT_EQ(Plan(extents, 200).ok(), are_disjoint) << "round " << i;
  }
}

TEST(BlockPlanTest, LargeFilesAreNoTrouble) {
  const uint64_t size = uint64_t{40} << 30;
  const uint64_t third = size / 3;
  const BlockPlan plan =
      Plan(
          {{2, 0, 2 * third, size - 2 * third, {}}, {0, 0, 0, third, {}}, {1, 0, third, third, {}}},
          size, {})
          .value();
  EXPECT_EQ(plan.Runs(), (std::vector<load::Run>{{0, 0, size}}));
  EXPECT_EQ(plan.chunks().front().offset, RoundDown(2 * third));
  EXPECT_EQ(plan.PartsOf(2).back().offset + plan.PartsOf(2).back().size, size);
}

}  // namespace
}  // namespace raceway::engine::load
