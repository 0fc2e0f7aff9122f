#include "engine/load/read_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <string>

namespace raceway::engine::load {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr uint32_t kMiB = 1 << 20;
constexpr TimePoint kNever = TimePoint::max();
constexpr TimePoint kStart = TimePoint(std::chrono::seconds(1000));

/// A disk that serves one read after the other, in simulated time.
class Disk {
 public:
  explicit Disk(ReadQueueOptions options, double bytes_per_second = 1e9,
                nanoseconds latency = std::chrono::microseconds(100))
      : queue(options), bytes_per_second_(bytes_per_second), latency_(latency) {}

  LoadId Add(Urgency urgency, int chunks, TimePoint deadline = kNever) {
    return queue.Add(urgency, deadline, std::vector<uint32_t>(static_cast<size_t>(chunks), kMiB),
                     now);
  }

  void Submit() {
    while (const std::optional<QueuedRead> read = queue.Next(now)) {
      order.push_back(*read);
      const nanoseconds time(static_cast<int64_t>(1e9 * read->num_bytes / bytes_per_second_));
      free_ = std::max(free_, now) + time;
      in_flight.emplace(free_ + latency_ + delay(*read), *read);
    }
  }

  /// Until the next read is there; false if there is none.
  bool Step() {
    Submit();
    if (in_flight.empty()) return false;
    const QueuedRead read = in_flight.begin()->second;
    now = in_flight.begin()->first;
    in_flight.erase(in_flight.begin());
    last_urgency = queue.Finish(read, now);
    queue.Release(read.num_bytes);
    finished[{read.load, read.chunk}] = now;
    if (!queue.Has(read.load)) ended[read.load] = now;
    return true;
  }

  void RunUntilEnd(LoadId load) {
    while (ended.count(load) == 0 && Step()) continue;
  }

  ReadQueue queue;
  TimePoint now = kStart;
  std::vector<QueuedRead> order;  // of submission
  std::multimap<TimePoint, QueuedRead> in_flight;
  std::map<std::pair<LoadId, int32_t>, TimePoint> finished;
  std::map<LoadId, TimePoint> ended;
  Urgency last_urgency = Urgency::kBulk;
  std::function<nanoseconds(const QueuedRead&)> delay = [](const QueuedRead&) {
    return nanoseconds(0);
  };

 private:
  const double bytes_per_second_;
  const nanoseconds latency_;
  TimePoint free_ = kStart;
};

/// "0.3 1.0 …": load and chunk in the order of submission.
std::string Order(const std::vector<QueuedRead>& reads) {
  std::string text;
  for (const QueuedRead& read : reads) {
    if (!text.empty()) text += ' ';
    text += std::to_string(static_cast<int64_t>(read.load)) + '.' + std::to_string(read.chunk);
  }
  return text;
}

ReadQueueOptions Window(int32_t window) { return {.window = window}; }

TEST(ReadQueueTest, BetterClassesGoFirstThenDeadlinesThenAge) {
  Disk disk(Window(1));
  disk.Add(Urgency::kPrewarm, 1);
  disk.Add(Urgency::kBulk, 1);
  disk.Add(Urgency::kNear, 1, kStart + milliseconds(50));
  disk.Add(Urgency::kNear, 2, kStart + milliseconds(20));
  disk.Add(Urgency::kBulk, 1);
  while (disk.Step()) continue;
  EXPECT_EQ(Order(disk.order), "3.0 3.1 2.0 1.0 4.0 0.0");
}

TEST(ReadQueueTest, WhoIsWaitedForGoesFirst) {
  Disk disk(Window(1));
  const LoadId load = disk.Add(Urgency::kNear, 5);
  disk.Submit();
  disk.queue.Promote(load, 3);
  while (disk.Step()) continue;
  EXPECT_EQ(Order(disk.order), "0.0 0.3 0.1 0.2 0.4");
}

TEST(ReadQueueTest, OthersAreHeldWhileSomethingUrgentIsOutstanding) {
  Disk disk(Window(3));
  disk.Add(Urgency::kNear, 4, kStart + milliseconds(1));
  const LoadId waited = disk.Add(Urgency::kBulk, 3);
  disk.queue.Promote(waited, 1);
  disk.Submit();  // the urgent chunk, and the rest of the load that somebody waits for
  EXPECT_EQ(Order(disk.order), "1.1 1.0 1.2");
  disk.Step();
  disk.Submit();  // nothing is urgent any more
  EXPECT_EQ(Order(disk.order), "1.1 1.0 1.2 0.0");
}

TEST(ReadQueueTest, HoldsItsOwnLoadToo) {
  Disk disk({.window = 3, .hold_own = true});
  const LoadId waited = disk.Add(Urgency::kNear, 3);
  disk.queue.Promote(waited, 1);
  disk.Submit();
  EXPECT_EQ(Order(disk.order), "0.1");
}

TEST(ReadQueueTest, AnUrgentReadInFlightHoldsOthersUntilItIsThere) {
  Disk disk(Window(2));
  const LoadId waited = disk.Add(Urgency::kNear, 1);
  disk.Add(Urgency::kBulk, 2);
  EXPECT_TRUE(disk.queue.Next(disk.now));
  disk.queue.Promote(waited, 0);
  EXPECT_FALSE(disk.queue.Next(disk.now));
  EXPECT_EQ(disk.queue.Finish({waited, 0, kMiB, Urgency::kNear}, disk.now), Urgency::kUrgent);
  EXPECT_TRUE(disk.queue.Next(disk.now));
}

TEST(ReadQueueTest, WhatIsLateIsPromotedAndHoldsOthers) {
  Disk disk(Window(4));
  disk.delay = [](const QueuedRead& read) {
    return read.chunk == 20 && read.load == LoadId{0} ? milliseconds(40) : milliseconds(0);
  };
  const LoadId load = disk.Add(Urgency::kNear, 40);
  disk.Add(Urgency::kBulk, 200);
  while (disk.finished.count({load, 20}) == 0) disk.Step();
  EXPECT_EQ(disk.last_urgency, Urgency::kUrgent);
  // The load's other chunks were there long before; then the disk was kept for this one, but for
  // the few that fit in before it was late.
  const auto others = std::count_if(disk.order.begin(), disk.order.end(),
                                    [&](const QueuedRead& read) { return read.load != load; });
  EXPECT_LE(others, 4);
}

TEST(ReadQueueTest, NobodyStarves) {
  Disk disk({.window = 4, .patience = milliseconds(100)});
  const LoadId greedy = disk.Add(Urgency::kNear, 3000);
  const LoadId modest = disk.Add(Urgency::kPrewarm, 10);
  for (int32_t chunk = 0; chunk < 3000; ++chunk) disk.queue.Promote(greedy, chunk);
  disk.RunUntilEnd(modest);
  ASSERT_EQ(disk.ended.count(modest), 1u);
  EXPECT_NEAR(std::chrono::duration<double>(disk.ended[modest] - kStart).count(), 1.0, 0.05);
  EXPECT_EQ(disk.ended.count(greedy), 0u);
}

double SecondsOfUrgentLoad(int32_t chunks, bool with_bulk) {
  Disk disk(Window(8));
  if (with_bulk) disk.Add(Urgency::kBulk, 2000);
  for (int i = 0; i < 50; ++i) disk.Step();
  const TimePoint begin = disk.now;
  const LoadId load = disk.Add(Urgency::kNear, chunks, begin + milliseconds(200));
  for (int32_t chunk = 0; chunk < chunks; ++chunk) {  // as a model waits, that computes nothing
    disk.queue.Promote(load, chunk);
    while (disk.finished.count({load, chunk}) == 0) disk.Step();
  }
  return std::chrono::duration<double>(disk.now - begin).count();
}

TEST(ReadQueueTest, AnUrgentModelHardlyNoticesABulkLoad) {
  EXPECT_LT(SecondsOfUrgentLoad(20, true), 1.2 * SecondsOfUrgentLoad(20, false));
  EXPECT_LT(SecondsOfUrgentLoad(200, true), 1.05 * SecondsOfUrgentLoad(200, false));
}

double SecondsWhereEachChunkIsWaitedFor(bool hold_own) {
  Disk disk({.window = 8, .hold_own = hold_own}, 2e9, milliseconds(1));
  const LoadId load = disk.Add(Urgency::kNear, 200);
  for (int32_t chunk = 0; chunk < 200; ++chunk) {
    disk.queue.Promote(load, chunk);
    while (disk.finished.count({load, chunk}) == 0) disk.Step();
  }
  return std::chrono::duration<double>(disk.now - kStart).count();
}

TEST(ReadQueueTest, WaitingDoesNotEmptyTheDisksQueue) {
  const double limit = 200.0 * kMiB / 2e9;
  EXPECT_LT(SecondsWhereEachChunkIsWaitedFor(false), 1.05 * limit);
  EXPECT_GT(SecondsWhereEachChunkIsWaitedFor(true), 2 * limit);  // what the other rule costs
}

TEST(ReadQueueTest, TheWindowIsAllThatIsInFlight) {
  Disk disk(Window(3));
  disk.Add(Urgency::kNear, 10);
  disk.Submit();
  EXPECT_EQ(disk.in_flight.size(), 3u);
}

TEST(ReadQueueTest, WhatNobodyWaitsForLeavesRoomInTheWindow) {
  Disk disk({.window = 5, .background_window = 2});
  disk.Add(Urgency::kBulk, 9);
  disk.Submit();
  EXPECT_EQ(disk.in_flight.size(), 2u);
  disk.queue.Promote(LoadId{0}, 4);  // now somebody waits
  disk.Submit();
  EXPECT_EQ(Order(disk.order), "0.0 0.1 0.4 0.2 0.3");
}

TEST(ReadQueueTest, StagingIsBounded) {
  ReadQueue queue({.window = 8, .staged_bytes = 2 * kMiB});
  queue.Add(Urgency::kBulk, kNever, {kMiB, kMiB, kMiB}, kStart);
  const QueuedRead first = *queue.Next(kStart);
  EXPECT_TRUE(queue.Next(kStart));
  EXPECT_FALSE(queue.Next(kStart));
  queue.Finish(first, kStart);
  EXPECT_FALSE(queue.Next(kStart));  // read, but still in the way
  queue.Release(kMiB);
  EXPECT_TRUE(queue.Next(kStart));
}

TEST(ReadQueueTest, AChunkLargerThanTheStagingIsReadAlone) {
  ReadQueue queue({.window = 8, .staged_bytes = 10});
  queue.Add(Urgency::kBulk, kNever, {kMiB, kMiB}, kStart);
  EXPECT_TRUE(queue.Next(kStart));
  EXPECT_FALSE(queue.Next(kStart));
}

TEST(ReadQueueTest, ARemovedLoadHoldsNobody) {
  Disk disk(Window(2));
  const LoadId removed = disk.Add(Urgency::kNear, 5);
  const LoadId other = disk.Add(Urgency::kBulk, 2);
  disk.queue.Promote(removed, 0);
  disk.Submit();
  disk.queue.Remove(removed);
  disk.queue.Promote(removed, 1);
  disk.queue.Reclass(removed, Urgency::kNear, kNever);
  disk.RunUntilEnd(other);
  EXPECT_EQ(Order(disk.order), "0.0 0.1 1.0 1.1");
}

TEST(ReadQueueTest, AnotherClassCountsAtOnce) {
  Disk disk(Window(1));
  disk.Add(Urgency::kBulk, 2);
  const LoadId wanted = disk.Add(Urgency::kPrewarm, 2);
  disk.Submit();
  disk.queue.Reclass(wanted, Urgency::kNear, kNever);
  while (disk.Step()) continue;
  EXPECT_EQ(Order(disk.order), "0.0 1.0 1.1 0.1");
}

TEST(ReadForecastTest, LearnsLatencyAndBandwidth) {
  Disk disk(Window(4), 2e9, milliseconds(3));
  disk.Add(Urgency::kNear, 300);
  while (disk.Step()) continue;
  // Four in flight take turns: each MiB comes latency / 4 after the one before it, if not slower.
  const auto four = *disk.queue.Expect(4 * kMiB);
  EXPECT_GT(four, milliseconds(3));
  EXPECT_LT(four, milliseconds(6));
}

}  // namespace
}  // namespace raceway::engine::load
