// Loads whose reads go wrong: whatever happens, what is published is what is in the file.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <thread>

#include "engine/load/load_job.h"
#include "tests/engine/load/fault_reader.h"
#include "tests/engine/load/files.h"

namespace raceway::engine::load {
namespace {

using testing::EqualExtents;
using testing::FaultyScheduler;
using ::testing::HasSubstr;
using testing::IsAsWritten;
using testing::Loaded;
using testing::RandomExtents;
using testing::RandomFile;

constexpr BlockPlanOptions kSmallChunks = {.chunk_bytes = 2 * kBlock};
const LoadOptions kOptions = {.plan = kSmallChunks};

/// Takes each storage as it comes, looks at it and writes over it, as a model may.
void UseAndChange(LoadJob& job, const RandomFile& file, std::vector<Extent> extents,
                  uint64_t seed) {
  std::mt19937_64 random(seed);
  std::shuffle(extents.begin(), extents.end(), random);
  for (const Extent& extent : extents) {
    const Status status = job.Need(extent.storage);
    ASSERT_TRUE(status.ok()) << status.error().Text();
    ASSERT_TRUE(IsAsWritten(job, file, extent));
    std::fill_n(job.data(extent.storage), extent.size, static_cast<std::byte>(extent.storage));
  }
}

TEST(LoadFaultTest, EveryOrderGivesTheSameAndNothingIsReadOverAChange) {
  std::mt19937_64 random(1);
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    const RandomFile file(30'000 + random() % 60'000, seed);
    const std::vector<Extent> extents = RandomExtents(file, 40, random);
    FaultyScheduler scheduler({.seed = seed,
                               .short_reads = 20,
                               .interruptions = 10,
                               .delay = std::chrono::microseconds(seed % 4 == 0 ? 100 : 0)});
    const auto job = LoadJob::Start(*scheduler, {file.Open()}, extents, kOptions).value();
    ASSERT_NO_FATAL_FAILURE(UseAndChange(*job, file, extents, seed)) << "seed " << seed;
    ASSERT_TRUE(job->WaitAll().ok());
    for (const Extent& extent : extents) {
      const auto loaded = Loaded(*job, extent.storage);
      ASSERT_TRUE(std::all_of(
          loaded.begin(), loaded.end(),
          [&](std::byte byte) { return byte == static_cast<std::byte>(extent.storage); }))
          << "seed " << seed << ", storage " << extent.storage;
    }
  }
}

TEST(LoadFaultTest, WhatCannotBeReadFailsByPlaceAndOthersArrive) {
  const RandomFile file(40 * kBlock);
  const std::vector<Extent> extents = EqualExtents(file, 5000);
  FaultyScheduler scheduler({.intercept = [](const ReadRequest& request) {
    return request.offset == 10 * kBlock ? std::optional<int64_t>(-EIO) : std::nullopt;
  }});
  const auto job = LoadJob::Start(*scheduler, {file.Open()}, extents, kOptions).value();
  const Status all = job->WaitAll();
  ASSERT_FALSE(all.ok());
  EXPECT_EQ(all.error().code, ErrorCode::kFailed);
  EXPECT_EQ(all.error().message, file.path() + ": bytes 40960+8192: Input/output error");
  for (const Extent& extent : extents) {
    const bool is_lost = extent.offset < 12 * kBlock && extent.offset + extent.size > 10 * kBlock;
    EXPECT_EQ(job->Need(extent.storage).ok(), !is_lost) << extent.storage;
    EXPECT_TRUE(is_lost || IsAsWritten(*job, file, extent));
  }
}

TEST(LoadFaultTest, AFlippedByteIsNeverPublished) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 100; ++round) {
    const RandomFile file(20'000 + random() % 100'000, random());
    const std::vector<Extent> extents = RandomExtents(file, 12, random);
    const uint64_t at = random() % file.bytes().size();
    file.FlipByte(at);
    FaultyScheduler scheduler({});
    const auto job = LoadJob::Start(*scheduler, {file.Open()}, extents, kOptions).value();
    for (const Extent& extent : extents) {
      const bool is_broken = extent.offset <= at && at < extent.offset + extent.size;
      const Status status = job->Need(extent.storage);
      EXPECT_EQ(status.ok(), !is_broken);
      EXPECT_EQ(job->IsReady(extent.storage), !is_broken);
      EXPECT_THAT(status.ok() ? "" : status.error().message,
                  HasSubstr(is_broken ? "the checksum is" : ""));
    }
  }
}

TEST(LoadFaultTest, AFlippedByteIsFoundBeforeTheAnswer) {
  const RandomFile file(100'000);
  const std::vector<Extent> extents = EqualExtents(file, 30'000);
  file.FlipByte(70'000);
  FaultyScheduler scheduler({});
  LoadOptions options = kOptions;
  options.verify = Verify::kBeforeAnswer;
  const auto job = LoadJob::Start(*scheduler, {file.Open()}, extents, options).value();
  EXPECT_TRUE(job->Need(2).ok());
  EXPECT_THAT(job->WaitAll().error().message, HasSubstr("bytes 60000+30000: the checksum is"));
  options.verify = Verify::kNever;
  EXPECT_TRUE(LoadJob::Start(*scheduler, {file.Open()}, extents, options).value()->WaitAll().ok());
}

/// Loads a file with which something happens at the tenth read.
class ChangedFileTest : public ::testing::Test {
 protected:
  Status Load(const std::function<void()>& happens) {
    std::atomic<int> num_reads = 0;
    FaultyScheduler scheduler({.intercept =
                                   [&](const ReadRequest&) {
                                     if (++num_reads == 10) {
                                       std::this_thread::sleep_for(std::chrono::milliseconds(
                                           20));  // for file systems' clocks
                                       happens();
                                     }
                                     return std::nullopt;
                                   }},
                              {.window = 2});
    std::vector<Extent> extents = EqualExtents(file_, 5000);
    for (Extent& extent : extents) extent.crc32.reset();
    const auto job = LoadJob::Start(*scheduler, {file_.Open()}, extents, kOptions).value();
    const Status all = job->WaitAll();
    for (const Extent& extent : extents) {
      EXPECT_TRUE(!job->IsReady(extent.storage) || IsAsWritten(*job, file_, extent));
    }
    return all;
  }

  const RandomFile file_{80 * kBlock};
};

TEST_F(ChangedFileTest, RewrittenInPlaceIsAnError) {
  const std::vector<std::byte> zeros(file_.bytes().size());
  EXPECT_THAT(Load([&] { file_.Overwrite(0, zeros); }).error().message,
              HasSubstr("was changed while it was being read"));
}

TEST_F(ChangedFileTest, TruncatedIsAnError) {
  const Status status = Load([&] { ASSERT_EQ(truncate(file_.path().c_str(), 50'000), 0); });
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error().message, ::testing::AnyOf(HasSubstr("was changed while"),
                                                       HasSubstr("the file ends before them")));
}

TEST_F(ChangedFileTest, ReplacedByAnotherIsHarmless) {
  EXPECT_TRUE(Load([&] {
                const RandomFile other(1000, 2);
                ASSERT_EQ(rename(other.path().c_str(), file_.path().c_str()), 0);
              }).ok());
}

TEST_F(ChangedFileTest, RemovedIsHarmless) {
  EXPECT_TRUE(Load([&] { ASSERT_EQ(unlink(file_.path().c_str()), 0); }).ok());
}

// Also what a sanitizer says counts: nobody may touch memory of a load that is gone.
TEST(LoadFaultTest, ALoadCanBeLeftAtAnyPoint) {
  std::mt19937_64 random(1);
  const RandomFile file(100 * kBlock);
  for (int round = 0; round < 100; ++round) {
    FaultyScheduler scheduler(
        {.seed = random(), .short_reads = 10, .delay = std::chrono::microseconds(300)});
    const std::vector<Extent> extents = RandomExtents(file, 40, random);
    auto job = LoadJob::Start(*scheduler, {file.Open()}, extents, kOptions).value();
    std::thread request([job, &file, extents] {
      for (const Extent& extent : extents) {
        const Status status = job->Need(extent.storage);
        if (status.ok()) {
          EXPECT_TRUE(IsAsWritten(*job, file, extent));
        } else {
          EXPECT_EQ(status.error().code, ErrorCode::kCancelled);
        }
      }
    });
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 4000));
    job->Cancel();
    EXPECT_EQ(job->CountPending(), 0);
    job.reset();
    request.join();
    job = LoadJob::Start(*scheduler, {file.Open()}, extents, kOptions).value();
  }  // with reads in flight
}

TEST(LoadFaultTest, TwoLoadsDoNotDisturbEachOther) {
  const RandomFile a(100 * kBlock, 1);
  const RandomFile b(30 * kBlock, 2);
  std::mt19937_64 random(1);
  for (uint64_t seed = 0; seed < 30; ++seed) {
    FaultyScheduler scheduler({.seed = seed, .short_reads = 20});
    const std::vector<Extent> of_a = RandomExtents(a, 40, random);
    const std::vector<Extent> of_b = RandomExtents(b, 40, random);
    LoadOptions bulk = kOptions;
    bulk.urgency = Urgency::kBulk;
    const auto first = LoadJob::Start(*scheduler, {a.Open()}, of_a, bulk).value();
    const auto second = LoadJob::Start(*scheduler, {b.Open()}, of_b, kOptions).value();
    std::thread other([&] { UseAndChange(*second, b, of_b, seed); });
    UseAndChange(*first, a, of_a, seed);
    other.join();
  }
}

}  // namespace
}  // namespace raceway::engine::load
