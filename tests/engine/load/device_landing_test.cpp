// Weights on their way to a device, which works while the host goes on.

#include "engine/load/device_landing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "engine/load/load_job.h"
#include "tests/engine/load/fake_device.h"
#include "tests/engine/load/fault_reader.h"
#include "tests/engine/load/files.h"

namespace raceway::engine::load {
namespace {

using testing::CountingAllocator;
using testing::EqualExtents;
using testing::FakeDevice;
using testing::FaultyScheduler;
using ::testing::HasSubstr;
using testing::PausedDevice;
using testing::RandomExtents;
using testing::RandomFile;
using testing::SynchronizeFakeStream;

constexpr uint32_t kChunk = 2 * kBlock;

class DeviceLandingTest : public ::testing::Test {
 protected:
  std::shared_ptr<DeviceLanding> Land(uint64_t sent_bytes = 64 << 20, LoadEventSink on_event = {}) {
    return std::make_shared<DeviceLanding>(DeviceLandingOptions{.device = FakeDevice(),
                                                                .host = &host_,
                                                                .sent_bytes = sent_bytes,
                                                                .on_event = std::move(on_event)},
                                           clock_);
  }

  static std::shared_ptr<LoadJob> Start(ReadScheduler& scheduler, const RandomFile& file,
                                        const std::vector<Extent>& extents,
                                        std::shared_ptr<DeviceLanding> landing,
                                        Verify verify = Verify::kBeforePublish) {
    return LoadJob::Start(
               scheduler, {file.Open()}, extents,
               {.verify = verify, .plan = {.chunk_bytes = kChunk}, .landing = std::move(landing)})
        .value();
  }

  static bool IsAsWritten(const c10::Storage& storage, const RandomFile& file,
                          const Extent& extent) {
    const auto* found = static_cast<const std::byte*>(storage.data());
    return storage.nbytes() == extent.size && storage.device() == FakeDevice() &&
           std::equal(found, found + extent.size, file.bytes(extent).begin());
  }

  SteadyClock clock_;
  CountingAllocator host_;
};

TEST_F(DeviceLandingTest, WhatAStreamHasWaitedForIsAsWritten) {
  std::mt19937_64 random(1);
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const RandomFile file(30'000 + random() % 200'000, seed);
    std::vector<Extent> extents = RandomExtents(file, 40, random);
    FaultyScheduler scheduler({.seed = seed,
                               .short_reads = 20,
                               .interruptions = 10,
                               .delay = std::chrono::microseconds(100)});
    const auto landing = Land(/*sent_bytes=*/4 * kChunk);
    const auto job = Start(*scheduler, file, extents, landing,
                           seed % 3 == 0 ? Verify::kNever : Verify::kBeforePublish);
    std::shuffle(extents.begin(), extents.end(), random);
    for (const Extent& extent : extents) {
      ASSERT_TRUE(job->Need(extent.storage).ok());
      landing->AwaitInStream(extent.storage);
      SynchronizeFakeStream();
      ASSERT_TRUE(IsAsWritten(landing->StorageOf(extent.storage), file, extent)) << "seed " << seed;
    }
    ASSERT_TRUE(job->WaitAll().ok());
    EXPECT_TRUE(landing->HasLanded());
    EXPECT_EQ(host_.num_bytes(), 0);
  }
}

TEST_F(DeviceLandingTest, TheHostNeverWaitsForTheDevice) {
  const RandomFile file(64 * kChunk, 1);
  const std::vector<Extent> extents = EqualExtents(file, 3 * kChunk);
  FaultyScheduler scheduler({});
  const auto landing = Land();
  std::shared_ptr<LoadJob> job;
  {
    const PausedDevice paused;
    job = Start(*scheduler, file, extents, landing);
    ASSERT_TRUE(job->WaitAll().ok());  // all are on their way
    for (const Extent& extent : extents) landing->AwaitInStream(extent.storage);
    EXPECT_FALSE(landing->HasLanded());
    EXPECT_FALSE(IsAsWritten(landing->StorageOf(0), file, extents[0]));
  }
  SynchronizeFakeStream();
  EXPECT_TRUE(landing->HasLanded());
  for (const Extent& extent : extents) {
    EXPECT_TRUE(IsAsWritten(landing->StorageOf(extent.storage), file, extent));
  }
}

TEST_F(DeviceLandingTest, TheHostsMemoryIsBounded) {
  const RandomFile file(1000 * kChunk, 1);
  const std::vector<Extent> extents = EqualExtents(file, 3 * kChunk);
  constexpr uint64_t kSent = 4 * kChunk;
  constexpr uint64_t kStaged = 8 * kChunk;
  FaultyScheduler scheduler({}, {.staged_bytes = kStaged});
  const auto job = Start(*scheduler, file, extents, Land(kSent));
  ASSERT_TRUE(job->WaitAll().ok());
  // Each of the two threads that hand over may have sent one more before it waits.
  EXPECT_LE(host_.most_bytes(), static_cast<int64_t>(kSent + kStaged + 2 * kChunk));
}

TEST_F(DeviceLandingTest, AWrongByteIsAnErrorOfItsStorageAlone) {
  const RandomFile file(20 * kChunk, 1);
  const std::vector<Extent> extents = EqualExtents(file, 2 * kChunk);
  file.FlipByte(extents[3].offset + 5);
  FaultyScheduler scheduler({});
  const auto landing = Land();
  const auto job = Start(*scheduler, file, extents, landing);
  for (const Extent& extent : extents) {
    const Status status = job->Need(extent.storage);
    EXPECT_EQ(status.ok(), extent.storage != 3);
    if (!status.ok()) {
      EXPECT_THAT(status.error().message, HasSubstr("checksum"));
    }
  }
}

TEST_F(DeviceLandingTest, WhatCannotBeReadGivesItsMemoryBack) {
  const RandomFile file(20 * kChunk, 1);
  const std::vector<Extent> extents = EqualExtents(file, kChunk);
  FaultyScheduler scheduler({.intercept = [](const ReadRequest& request) -> std::optional<int64_t> {
    if (request.offset == 4 * kChunk) return -EIO;
    return std::nullopt;
  }});
  auto landing = Land();
  const auto job = Start(*scheduler, file, extents, landing);
  EXPECT_FALSE(job->Need(4).ok());
  for (const Extent& extent : extents)
    EXPECT_EQ(job->Need(extent.storage).ok(), extent.storage != 4);
  for (const Extent& extent : extents) {
    if (extent.storage != 4) landing->AwaitInStream(extent.storage);
  }
  SynchronizeFakeStream();
  EXPECT_TRUE(landing->HasLanded());
  EXPECT_EQ(host_.num_bytes(), 0);
}

TEST_F(DeviceLandingTest, ALoadCanBeLeftWhileCopiesAreOnTheirWay) {
  const RandomFile file(100 * kChunk, 1);
  const std::vector<Extent> extents = EqualExtents(file, 3 * kChunk);
  FaultyScheduler scheduler({.delay = std::chrono::microseconds(200)});
  c10::Storage kept;
  for (int round = 0; round < 20; ++round) {
    auto landing = Land();
    auto job = Start(*scheduler, file, extents, landing);
    ASSERT_TRUE(job->Need(round).ok());
    landing->AwaitInStream(round);
    kept = landing->StorageOf(round);
    job.reset();
    landing.reset();  // reads in flight still have it
    SynchronizeFakeStream();
    EXPECT_TRUE(IsAsWritten(kept, file, extents[static_cast<size_t>(round)]));
  }
  EXPECT_TRUE(testing::Eventually([&] { return host_.num_bytes() == 0; }));
}

/// Of a machine that can pin no more.
class NoMemory final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t) override { throw std::runtime_error("out of pinned memory"); }
  c10::DeleterFnPtr raw_deleter() const override { return nullptr; }
  void copy_data(void*, const void*, size_t) const override {}
};

TEST_F(DeviceLandingTest, OrdinaryMemoryDoesWhereNoneCanBePinned) {
  const RandomFile file(20 * kChunk, 1);
  const std::vector<Extent> extents = EqualExtents(file, 3 * kChunk);
  FaultyScheduler scheduler({});
  NoMemory none;
  const auto landing = std::make_shared<DeviceLanding>(
      DeviceLandingOptions{.device = FakeDevice(), .host = &none}, clock_);
  const auto job = Start(*scheduler, file, extents, landing);
  ASSERT_TRUE(job->WaitAll().ok());
  landing->WaitUntilLanded();
  for (const Extent& extent : extents) {
    EXPECT_TRUE(IsAsWritten(landing->StorageOf(extent.storage), file, extent));
  }
}

TEST_F(DeviceLandingTest, TellsOfItsCopies) {
  const RandomFile file(20 * kChunk, 1);
  const std::vector<Extent> extents = EqualExtents(file, kChunk);
  FaultyScheduler scheduler({});
  std::atomic<uint64_t> num_bytes = 0;
  const auto landing = Land(64 << 20, [&](const LoadEvent& event) {
    EXPECT_EQ(event.lane, Lane::kCopy);
    EXPECT_LE(event.begin, event.end);
    num_bytes += event.num_bytes;
  });
  const auto job = Start(*scheduler, file, extents, landing);
  ASSERT_TRUE(job->WaitAll().ok());
  EXPECT_TRUE(testing::Eventually([&] { return landing->HasLanded(); }));
  EXPECT_EQ(num_bytes, file.bytes().size());
}

}  // namespace
}  // namespace raceway::engine::load
