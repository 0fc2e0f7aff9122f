#include "engine/load/load_job.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <map>
#include <mutex>
#include <thread>

#include "engine/load/chunk_reader.h"
#include "tests/engine/load/fault_reader.h"
#include "tests/engine/load/files.h"

namespace raceway::engine::load {
namespace {

using testing::Barrier;
using testing::CountInProc;
using testing::EqualExtents;
using testing::Eventually;
using testing::FaultyScheduler;
using testing::HeldBy;
using testing::IsAsleep;
using testing::IsAsWritten;
using testing::IsReadable;
using testing::MakeFaultReader;
using testing::RandomExtents;
using testing::RandomFile;
using namespace std::chrono_literals;

constexpr BlockPlanOptions kSmallChunks = {.chunk_bytes = 4 * kBlock};

class LoadJobTest : public ::testing::Test {
 protected:
  std::shared_ptr<LoadJob> Start(const RandomFile& file, const std::vector<Extent>& extents,
                                 LoadOptions options = {}) {
    return LoadJob::Start(scheduler_, {file.Open()}, extents, std::move(options)).value();
  }

  SteadyClock clock_;
  ReadScheduler scheduler_{MakeChunkReader(), {}, clock_};
};

TEST_F(LoadJobTest, LoadsWhatIsInTheFile) {
  std::mt19937_64 random(1);
  for (const bool is_hot : {false, true}) {
    for (const bool guarded : {false, true}) {
      const RandomFile file(5'000'000, random());
      if (!is_hot) file.Evict();
      const std::vector<Extent> extents = RandomExtents(file, 100, random);
      const auto job = Start(file, extents, {.guarded = guarded});
      ASSERT_TRUE(job->WaitAll().ok());
      EXPECT_EQ(job->CountPending(), 0);
      for (const Extent& extent : extents) {
        EXPECT_TRUE(job->Need(extent.storage).ok());
        EXPECT_TRUE(IsAsWritten(*job, file, extent)) << extent.storage;
      }
    }
  }
}

TEST_F(LoadJobTest, LoadsFromSeveralFiles) {
  const RandomFile a(300'000, 1);
  const RandomFile b(100'001, 2);
  const std::vector<Extent> extents = {{1, 1, 1, 100'000, {}}, {0, 0, 5, 299'995, {}}};
  const auto job = LoadJob::Start(scheduler_, {a.Open(), b.Open()}, extents).value();
  ASSERT_TRUE(job->WaitAll().ok());
  EXPECT_TRUE(IsAsWritten(*job, b, extents[0]));
  EXPECT_TRUE(IsAsWritten(*job, a, extents[1]));
}

TEST_F(LoadJobTest, RefusesBeforeItReads) {
  const RandomFile file(1000);
  const auto job =
      LoadJob::Start(scheduler_, {file.Open()}, std::vector<Extent>{{0, 0, 900, 101, {}}});
  ASSERT_FALSE(job.ok());
  EXPECT_EQ(job.error().code, ErrorCode::kInvalidArgument);
}

TEST_F(LoadJobTest, NothingToReadIsReadyAtOnce) {
  const RandomFile file(1000);
  const auto job = Start(file, {{0, 0, 1000, 0, {}}});
  EXPECT_TRUE(job->IsReady(0));
  EXPECT_TRUE(job->WaitAll().ok());
}

TEST_F(LoadJobTest, ReadsThroughTheCacheWhatItHolds) {
  const RandomFile file(64 * kBlock);
  if (!file.Evict()) GTEST_SKIP() << "files here cannot leave the page cache";
  const auto open = file.Open();
  if (!open->is_direct()) GTEST_SKIP() << "files here cannot be read past the page cache";
  file.Cache(16 * kBlock, 32 * kBlock);
  std::mutex mutex;
  std::string paths(16, '?');
  const auto on_event = [&](const LoadEvent& event) {
    const std::lock_guard lock(mutex);
    if (event.lane == Lane::kRetrieve) {
      paths[static_cast<size_t>(event.chunk)] = event.was_cached ? 'h' : 'c';
    }
  };
  const auto job =
      Start(file, EqualExtents(file, 5000), {.plan = kSmallChunks, .on_event = on_event});
  ASSERT_TRUE(job->WaitAll().ok());
  EXPECT_EQ(paths, "cccchhhhhhhhcccc");
}

TEST_F(LoadJobTest, TellsWhatItDoes) {
  const RandomFile file(64 * kBlock);
  std::mutex mutex;
  std::map<Lane, uint64_t> bytes;
  const auto on_event = [&](const LoadEvent& event) {
    const std::lock_guard lock(mutex);
    EXPECT_LE(event.begin, event.end);
    bytes[event.lane] += event.num_bytes;
  };
  const auto job =
      Start(file, EqualExtents(file, 5000), {.plan = kSmallChunks, .on_event = on_event});
  ASSERT_TRUE(job->WaitAll().ok());
  const std::lock_guard lock(mutex);
  EXPECT_EQ(bytes[Lane::kRetrieve], file.bytes().size());
  EXPECT_EQ(bytes[Lane::kVerify], file.bytes().size());
}

TEST_F(LoadJobTest, ReleasesMemoryAfterTheLastUse) {
  const RandomFile file(64 * kBlock);
  const auto job = Start(file, EqualExtents(file, 32 * kBlock));
  ASSERT_TRUE(job->WaitAll().ok());
  EXPECT_EQ(job->arena(0)->CountResident(), 64 * kBlock);
  job->Release(0);
  EXPECT_EQ(job->arena(0)->CountResident(), 32 * kBlock);
  EXPECT_TRUE(IsAsWritten(*job, file, EqualExtents(file, 32 * kBlock)[1]));
}

TEST_F(LoadJobTest, BytesMayBeTakenElsewhereBeforeAnybodySeesThem) {
  for (const Verify verify : {Verify::kBeforePublish, Verify::kBeforeAnswer, Verify::kNever}) {
    const RandomFile file(64 * kBlock);
    const std::vector<Extent> extents = EqualExtents(file, 8 * kBlock);
    std::vector<std::vector<std::byte>> taken(extents.size());
    LoadOptions options{.verify = verify, .plan = kSmallChunks};
    options.apply = [&](int32_t storage, const std::byte* bytes) {
      if (storage % 2 == 1) return false;
      taken[static_cast<size_t>(storage)].assign(bytes, bytes + 8 * kBlock);
      return true;
    };
    const auto job = Start(file, extents, options);
    for (const Extent& extent : extents) {
      ASSERT_TRUE(job->Need(extent.storage).ok());
      const auto& bytes = taken[static_cast<size_t>(extent.storage)];
      EXPECT_EQ(bytes.empty(), extent.storage % 2 == 1);
      EXPECT_TRUE(bytes.empty() || std::ranges::equal(bytes, file.bytes(extent)));
    }
    ASSERT_TRUE(job->WaitAll().ok());
    EXPECT_EQ(job->arena(0)->CountResident(), 32 * kBlock);
    EXPECT_TRUE(IsAsWritten(*job, file, extents[1]));
  }
}

TEST_F(LoadJobTest, AStorageThatIsCancelledAsItArrivesIsNotThere) {
  const RandomFile file(kBlock);
  std::atomic<bool> has_arrived = false;
  std::atomic<bool> is_cancelled = false;
  std::atomic<bool> is_settled = false;
  const auto wait_for = [](const std::atomic<bool>& what) {
    for (int i = 0; i < 200 && !what; ++i) std::this_thread::sleep_for(1ms);
  };
  LoadOptions options;
  options.apply = [&](int32_t, const std::byte*) {
    has_arrived = true;
    wait_for(is_cancelled);
    return false;
  };
  options.on_storage = [&](int32_t) {  // in the midst of being cancelled
    is_cancelled = true;
    wait_for(is_settled);
  };
  options.on_settled = [&](bool) { is_settled = true; };
  const auto job = Start(file, EqualExtents(file, kBlock), options);
  wait_for(has_arrived);
  job->Cancel();
  EXPECT_EQ(job->WaitAll().ok(), job->Need(0).ok());
  EXPECT_TRUE(job->has_failed());
  EXPECT_TRUE(is_settled);
}

TEST_F(LoadJobTest, SaysOnceHowItEnded) {
  const RandomFile file(64 * kBlock);
  const std::vector<Extent> extents = EqualExtents(file, 5000);
  std::mutex mutex;
  std::vector<bool> ends;
  const auto end = [&](bool all_are_right) {
    const std::lock_guard lock(mutex);
    ends.push_back(all_are_right);
  };
  const auto ended = [&] {
    const std::lock_guard lock(mutex);
    return !ends.empty();
  };
  EXPECT_TRUE(Start(file, extents, {.on_settled = end})->WaitAll().ok());
  ASSERT_TRUE(Eventually(ended));
  file.FlipByte(10'000);
  const auto damaged = Start(
      file, extents, {.names = std::vector<std::string>(extents.size(), "w"), .on_settled = end});
  const Status status = damaged->WaitAll();
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message.find("in record `w`"), std::string::npos);
  Start(file, extents, {.on_settled = end})->Cancel();
  ASSERT_TRUE(Eventually([&] {
    const std::lock_guard lock(mutex);
    return ends.size() == 3;
  }));
  EXPECT_EQ(ends, (std::vector<bool>{true, false, false}));
}

TEST_F(LoadJobTest, MemoryOutlivesTheJob) {
  const RandomFile file(10'000);
  auto job = Start(file, EqualExtents(file, 10'000));
  ASSERT_TRUE(job->WaitAll().ok());
  const std::shared_ptr<Arena> arena = job->arena(0);
  const std::byte* data = job->data(0);
  job.reset();
  EXPECT_TRUE(std::equal(file.bytes().begin(), file.bytes().end(), data));
}

TEST_F(LoadJobTest, LeavesNothingBehind) {
  const RandomFile file(200'000);
  const std::vector<Extent> extents = EqualExtents(file, 30'000);
  ASSERT_TRUE(Start(file, extents)->WaitAll().ok());
  const int64_t files = CountInProc("fd");
  const int64_t threads = CountInProc("task");
  const int64_t maps = CountInProc("map_files");
  for (int i = 0; i < 500; ++i) {
    const auto job = Start(file, extents);
    EXPECT_TRUE(i % 3 == 0 || job->WaitAll().ok());
  }
  EXPECT_TRUE(Eventually([&] { return CountInProc("fd") <= files; }));
  EXPECT_EQ(CountInProc("task"), threads);
  EXPECT_LE(CountInProc("map_files"), maps + 1);
}

TEST(LoadJobWaitTest, AStorageIsThereBeforeTheOthers) {
  const RandomFile file(64 * kBlock);
  const std::vector<Extent> extents = EqualExtents(file, 4 * kBlock);
  Barrier barrier;
  FaultyScheduler scheduler({.intercept =
                                 [&](const ReadRequest& request) {
                                   if (request.offset >= 32 * kBlock) barrier.Pass();
                                   return std::nullopt;
                                 }},
                            {.window = 1});
  const auto job =
      LoadJob::Start(*scheduler, {file.Open()}, extents, {.guarded = true, .plan = kSmallChunks})
          .value();
  ASSERT_TRUE(job->Need(3).ok());
  EXPECT_TRUE(IsAsWritten(*job, file, extents[3]));
  EXPECT_FALSE(job->IsReady(12));
  EXPECT_FALSE(IsReadable(job->data(12)));  // guarded
  barrier.Open();
  ASSERT_TRUE(job->Need(12).ok());
  EXPECT_TRUE(IsAsWritten(*job, file, extents[12]));
}

/// A load of sixteen chunks, one read at a time, of which the first waits at a barrier.
class LoadJobOrderTest : public ::testing::Test {
 protected:
  std::shared_ptr<LoadJob> Start(LoadEventSink on_event = {}) {
    return LoadJob::Start(*scheduler_, {file_.Open()}, EqualExtents(file_, 4 * kBlock),
                          {.plan = kSmallChunks, .on_event = std::move(on_event)})
        .value();
  }
  /// The chunks that were read first.
  std::vector<uint64_t> First(size_t count) {
    const std::lock_guard lock(mutex_);
    return {chunks_.begin(), chunks_.begin() + static_cast<std::ptrdiff_t>(count)};
  }

  const RandomFile file_{64 * kBlock};
  Barrier barrier_;
  std::mutex mutex_;
  std::vector<uint64_t> chunks_;
  FaultyScheduler scheduler_{{.intercept =
                                  [this](const ReadRequest& request) {
                                    {
                                      const std::lock_guard lock(mutex_);
                                      chunks_.push_back(request.offset / (4 * kBlock));
                                    }
                                    barrier_.Pass();
                                    return std::nullopt;
                                  }},
                             {.window = 1}};
};

TEST_F(LoadJobOrderTest, WhoIsWaitedForIsReadNext) {
  std::vector<LoadEvent> waits;
  std::vector<LoadEvent> urgent;
  const auto job = Start([&](const LoadEvent& event) {
    const std::lock_guard lock(mutex_);
    if (event.lane == Lane::kWait) waits.push_back(event);
    if (event.lane == Lane::kRetrieve && event.urgency == Urgency::kUrgent) urgent.push_back(event);
  });
  std::atomic<pid_t> waiting = 0;
  std::thread waiter([&] {
    waiting = gettid();
    EXPECT_TRUE(job->Need(9).ok());
  });
  EXPECT_TRUE(Eventually([&] { return waiting != 0 && IsAsleep(waiting); }));
  barrier_.Open();
  waiter.join();
  ASSERT_TRUE(job->WaitAll().ok());
  EXPECT_THAT(First(2), ::testing::ElementsAre(0, 9));
  const std::lock_guard lock(mutex_);
  ASSERT_EQ(waits.size(), 1u);
  EXPECT_EQ(waits[0].storage, 9);
  ASSERT_EQ(urgent.size(), 1u);
  EXPECT_EQ(urgent[0].chunk, 9);
}

TEST_F(LoadJobOrderTest, WhatIsPromotedIsReadNext) {
  const auto job = Start();
  const int32_t storages[] = {12, 9};
  job->Promote(storages);
  barrier_.Open();
  ASSERT_TRUE(job->WaitAll().ok());
  EXPECT_THAT(First(3), ::testing::ElementsAre(0, 9, 12));
}

TEST(LoadJobWaitTest, MoreIsReadAtOnceWhenARequestWantsTheModel) {
  const RandomFile file(64 * kBlock);
  Barrier barrier;
  const auto reader = [&] {
    return MakeFaultReader({.intercept = [&](const ReadRequest&) {
      barrier.Pass();
      return std::nullopt;
    }});
  };
  SteadyClock clock;
  ReadScheduler scheduler(std::make_unique<ChunkReader>(reader(), reader(), NoteSink()),
                          {.window = 8, .background_window = 1}, clock);
  const auto job = LoadJob::Start(scheduler, {file.Open()}, EqualExtents(file, 4 * kBlock),
                                  {.urgency = Urgency::kPrewarm, .plan = kSmallChunks})
                       .value();
  EXPECT_EQ(scheduler.CountInFlight(), 1u);
  job->Reclass(Urgency::kNear, TimePoint::max());
  EXPECT_EQ(scheduler.CountInFlight(), 8u);
  barrier.Open();
  EXPECT_TRUE(job->WaitAll().ok());
}

TEST(LoadJobWaitTest, SeveralRequestsShareOneLoad) {
  const RandomFile file(64 * kBlock);
  std::atomic<int> num_reads = 0;
  FaultyScheduler scheduler({.intercept = [&](const ReadRequest&) {
    ++num_reads;
    return std::nullopt;
  }});
  const std::vector<Extent> extents = EqualExtents(file, 5000);
  const auto job =
      LoadJob::Start(*scheduler, {file.Open()}, extents, {.plan = kSmallChunks}).value();
  std::vector<std::thread> requests;
  for (uint64_t seed = 0; seed < 4; ++seed) {
    requests.emplace_back([&, seed] {
      std::mt19937_64 random(seed);
      for (int i = 0; i < 100; ++i) {
        const Extent& extent = extents[random() % extents.size()];
        EXPECT_TRUE(job->Need(extent.storage).ok());
        EXPECT_TRUE(IsAsWritten(*job, file, extent));
      }
    });
  }
  for (std::thread& request : requests) request.join();
  ASSERT_TRUE(job->WaitAll().ok());
  EXPECT_EQ(num_reads, 16);
}

TEST(LoadJobWaitTest, ATokenEndsTheWaitingAndNotTheLoad) {
  const RandomFile file(kBlock);
  Barrier barrier;
  FaultyScheduler scheduler(HeldBy(barrier));
  const auto job = LoadJob::Start(*scheduler, {file.Open()}, EqualExtents(file, kBlock)).value();
  SteadyClock clock;
  CancelToken late;
  late.SetDeadline(clock.Now() + std::chrono::milliseconds(5), clock);
  EXPECT_EQ(job->Need(0, &late).error().code, ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(job->WaitAll(&late).error().code, ErrorCode::kDeadlineExceeded);
  barrier.Open();
  EXPECT_TRUE(job->Need(0).ok());
}

double SecondsToLoad(ReadScheduler& scheduler, const RandomFile& file,
                     const std::vector<Extent>& extents) {
  const TimePoint begin = std::chrono::steady_clock::now();
  const auto job = LoadJob::Start(scheduler, {file.Open()}, extents).value();
  for (const Extent& extent : extents) EXPECT_TRUE(job->Need(extent.storage).ok());
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

TEST(LoadJobSpeedTest, IsAsFastAsTheDisk) {
  const RandomFile file(24 << 20);
  SteadyClock clock;
  const auto disk = [] {
    return MakeThrottledReader(MakeCachedReader(), {.bytes_per_second = 200e6});
  };
  ReadScheduler scheduler(std::make_unique<ChunkReader>(disk(), disk(), NoteSink()), {}, clock);
  const double limit = static_cast<double>(file.bytes().size()) / 200e6;
  double best = 1e9;  // of some: other programs run as well
  for (int i = 0; i < 5 && best > limit / 0.9; ++i) {
    best = std::min(best, SecondsToLoad(scheduler, file, EqualExtents(file, 300'000)));
  }
  EXPECT_LT(best, limit / 0.9);
}

}  // namespace
}  // namespace raceway::engine::load
