#include "engine/schedule/batch_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/engine/schedule/batch_simulation.h"

namespace raceway::engine::schedule {
namespace {

using testing::Affine;
using testing::BatchSimulated;
using testing::BatchSimulation;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::Simulate;

/// A queue that knows that batches take 4 ms and 1 ms a row.
BatchQueue Taught(BatchLimits limits) {
  BatchQueue queue(limits);
  for (const int64_t rows : {1, 2, 4, 8, 16, 32}) queue.Ended(rows, Affine(4, 1)(rows));
  return queue;
}

TEST(BatchQueueTest, TheEarliestDeadlineTakesItsShapeAlong) {
  BatchQueue queue({.max_rows = 3});
  queue.Add({EntryId{1}, 1, ShapeId{1}, 0.9}, 0);
  queue.Add({EntryId{2}, 1, ShapeId{2}, 0.3}, 0);
  queue.Add({EntryId{3}, 1, ShapeId{1}, 0.2}, 0);
  queue.Add({EntryId{4}, 1, ShapeId{2}, 0.8}, 0);
  EXPECT_THAT(queue.Take(0).batch, ElementsAre(EntryId{3}, EntryId{1}));
  EXPECT_THAT(queue.Take(0).batch, ElementsAre(EntryId{2}, EntryId{4}));
  EXPECT_TRUE(queue.is_empty());
}

TEST(BatchQueueTest, NoBatchIsLargerThanAllowedUnlessOneEntryIs) {
  BatchQueue queue({.max_rows = 4});
  queue.Add({EntryId{1}, 3}, 0);
  queue.Add({EntryId{2}, 2}, 0.1);
  queue.Add({EntryId{3}, 9}, 0.2);
  EXPECT_EQ(queue.Take(0.2).rows, 3);
  EXPECT_EQ(queue.Take(0.2).rows, 2);
  EXPECT_EQ(queue.Take(0.2).rows, 9);
  EXPECT_EQ(queue.num_rows(), 0);
}

TEST(BatchQueueTest, WhoHasNoDeadlineIsNotOvertakenForEver) {
  BatchQueue queue({.max_rows = 1});
  queue.Add({EntryId{0}}, 0);
  for (int64_t i = 1; i < 100; ++i) {
    const double now = 0.02 * static_cast<double>(i);
    queue.Add({EntryId{i}, 1, {}, now + 0.1}, now);
    if (queue.Take(now).batch.front() == EntryId{0}) {
      EXPECT_NEAR(now, BatchQueue::kPatience - 0.1, 0.1);
      return;
    }
  }
  FAIL() << "it was";
}

TEST(BatchQueueTest, WhoLeavesIsInNoBatch) {
  BatchQueue queue({});
  queue.Add({EntryId{1}}, 0);
  queue.Add({EntryId{2}}, 0);
  queue.Remove(EntryId{1});
  queue.Remove(EntryId{7});
  EXPECT_THAT(queue.Take(0).batch, ElementsAre(EntryId{2}));
}

TEST(BatchQueueTest, ItIsWaitedForARowThatComesSoonAndMakesNobodyLate) {
  const auto take = [](BatchLimits limits, double deadline) {
    BatchQueue queue = Taught(limits);
    for (int64_t i = 0; i < 10; ++i) {  // one in 0.1 ms
      const double now = 1e-4 * static_cast<double>(i);
      queue.Add({EntryId{i}, 1, {}, deadline}, now);
      if (i < 9) queue.Remove(EntryId{i});
    }
    return queue.Take(9e-4);
  };
  const BatchQueue::Taken waits = take({}, kNever);
  EXPECT_THAT(waits.batch, IsEmpty());
  EXPECT_NEAR(waits.ask_again.value(), 11e-4, 1e-6) << "twice the gap, no longer";
  EXPECT_THAT(take({.wait = 0}, kNever).batch, ElementsAre(EntryId{9}));
  EXPECT_THAT(take({}, 0.0068).batch, ElementsAre(EntryId{9})) << "with one more it takes 6 ms";
}

TEST(BatchQueueTest, WhatCannotEndInTimeIsRefusedAtOnce) {
  BatchQueue queue = Taught({.max_rows = 4});
  int num_queued = 0;
  for (int64_t i = 0; i < 20; ++i) {
    num_queued += queue.Add({EntryId{i}, 1, {}, 0.02}, 0).is_queued ? 1 : 0;
  }
  EXPECT_EQ(num_queued, 8) << "two batches of 8 ms and a margin";
  EXPECT_TRUE(queue.Add({EntryId{20}}, 0).is_queued) << "it has time";
}

TEST(BatchQueueTest, WhoIsLateIsToldSo) {
  BatchQueue queue = Taught({});
  queue.Add({EntryId{1}, 1, {}, 0.01}, 0);
  queue.Add({EntryId{2}, 1, {}, 0.1}, 0);
  const BatchQueue::Taken taken = queue.Take(0.008);
  EXPECT_THAT(taken.late, ElementsAre(EntryId{1}));
  EXPECT_THAT(taken.batch, ElementsAre(EntryId{2}));
}

TEST(BatchQueueTest, OneInAHurryGetsASmallBatchWhereOthersHaveTime) {
  BatchQueue queue = Taught({});
  queue.Add({EntryId{0}, 1, {}, 0.0065}, 0);
  for (int64_t i = 1; i < 8; ++i) queue.Add({EntryId{i}, 1, {}, 0.1}, 0);
  EXPECT_THAT(queue.Take(0).batch, ElementsAre(EntryId{0}, EntryId{1}));
}

TEST(BatchQueueTest, BatchesDoNotMakeCallsSlowerWhereThereIsLittleToDo) {
  for (const auto& seconds : {Affine(4, 1), Affine(1, 4), Affine(0.1, 5)}) {
    for (const double load : {0.05, 0.1, 0.2}) {
      BatchSimulation simulation{.batch_seconds = seconds, .calls_per_second = load * 200};
      simulation.limits.adaptive = true;
      const BatchSimulated batched = Simulate(simulation);
      simulation.limits.max_rows = 1;
      const BatchSimulated alone = Simulate(simulation);
      EXPECT_LE(batched.p50, alone.p50 * 1.02) << load;
      EXPECT_LE(batched.p99, alone.p99 * 1.02 + 1e-3) << load;
    }
  }
}

TEST(BatchQueueTest, MoreCallsThanOneByOneCanBeAnswered) {
  BatchSimulation simulation{.batch_seconds = Affine(4, 1), .calls_per_second = 3 * 200};
  const BatchSimulated batched = Simulate(simulation);
  EXPECT_NEAR(batched.answers_per_second, 600, 15);
  EXPECT_LT(batched.p99, 0.05);
}

TEST(BatchQueueTest, GoodputStaysWhereCallsAreTooMany) {
  for (const auto& seconds : {Affine(4, 1), Affine(1, 4), Affine(0.1, 5)}) {
    const double capacity = 32 / seconds(32);
    double peak = 0;
    for (const double load : {0.5, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0}) {
      BatchSimulation simulation{.batch_seconds = seconds,
                                 .calls_per_second = load * capacity,
                                 .deadline = 3 * seconds(32)};
      const BatchSimulated early = Simulate(simulation);
      peak = std::max(peak, early.in_time_per_second);
      if (load < 1) continue;
      EXPECT_GE(early.in_time_per_second, 0.98 * peak) << load;
      EXPECT_LE(early.late, 0.001) << load << ": ran for nothing";
      simulation.limits.refuses_early = false;
      if (load < 1.1) continue;
      EXPECT_LE(Simulate(simulation).in_time_per_second, 0.2 * peak) << load;
    }
  }
}

TEST(BatchQueueTest, AModelThatIsSlowAtTimesIsUsedAllTheSame) {
  int num_batches = 0;
  const BatchSimulated simulated = Simulate(
      {.batch_seconds =
           [&](int64_t rows) { return Affine(4, 1)(rows) * (++num_batches / 30 % 2 == 0 ? 1 : 2); },
       .calls_per_second = 1.5 * 889,
       .deadline = 0.108});
  EXPECT_GE(simulated.in_time_per_second, 0.8 * 889 / 1.5);
  EXPECT_LE(simulated.late, 0.08);
}

TEST(BatchQueueTest, AnEntryOfAFlowWithLessTakesThePlaceOfTheLastOfAnother) {
  BatchQueue queue = Taught({.max_rows = 4});
  for (int64_t i = 0; i < 8; ++i) queue.Add({EntryId{i}, 1, {}, 0.02, FlowId{1}}, 0);
  const BatchQueue::Added own = queue.Add({EntryId{8}, 1, {}, 0.02, FlowId{1}}, 0);
  EXPECT_FALSE(own.is_queued);
  const BatchQueue::Added other = queue.Add({EntryId{9}, 1, {}, 0.02, FlowId{2}}, 0);
  EXPECT_TRUE(other.is_queued);
  EXPECT_THAT(other.displaced, ElementsAre(EntryId{7}));
  const BatchQueue::Added large = queue.Add({EntryId{10}, 7, {}, 0.02, FlowId{2}}, 0);
  EXPECT_FALSE(large.is_queued) << "it would have more than the other one then";
  EXPECT_THAT(large.displaced, IsEmpty());
}

/// What flows get of a model, in shares of what it can answer: goodput, by what they ask for.
std::vector<double> SharesOf(std::vector<BatchSimulation::Flow> flows) {
  const double capacity = 32 / Affine(4, 1)(32);
  for (BatchSimulation::Flow& flow : flows) flow.share *= capacity;
  double all = 0;
  for (const BatchSimulation::Flow& flow : flows) all += flow.share;
  for (BatchSimulation::Flow& flow : flows) flow.share /= all;
  const BatchSimulated simulated = Simulate({.batch_seconds = Affine(4, 1),
                                             .calls_per_second = all,
                                             .deadline = 3 * Affine(4, 1)(32),
                                             .flows = flows});
  std::vector<double> shares;
  for (const double per_second : simulated.in_time_by_flow) {
    shares.push_back(per_second / capacity);
  }
  return shares;
}

TEST(BatchQueueTest, OneFlowThatAsksForTooMuchDoesNotStarveAnother) {
  const std::vector<double> shares = SharesOf({{.share = 4}, {.share = 0.3}});
  EXPECT_GE(shares[1], 0.97 * 0.3) << "all that it asks for";
  EXPECT_GE(shares[0], 0.62) << "and the rest is used";
}

TEST(BatchQueueTest, FlowsThatAskForTooMuchGetTheirShares) {
  const std::vector<double> shares = SharesOf({{.share = 2, .weight = 3}, {.share = 2}});
  EXPECT_NEAR(shares[0] / shares[1], 3, 0.4);
  EXPECT_GE(shares[0] + shares[1], 0.93);
}

TEST(BatchQueueTest, TheBestSizeIsFoundByTrying) {
  // Eight rows take as long as one; from there on rows cost more than they save.
  const auto seconds = [](int64_t rows) {
    return rows <= 8 ? 0.005 : 0.005 + 0.001 * static_cast<double>(rows - 8);
  };
  BatchQueue queue({.max_rows = 64, .adaptive = true});
  int64_t rows = 0;
  for (int64_t i = 0; i < 500; ++i) {
    for (int64_t k = 0; k < 64; ++k) queue.Add({EntryId{i * 64 + k}}, 0);
    rows = queue.Take(0).rows;
    queue.Ended(rows, seconds(rows));
  }
  EXPECT_GE(rows / seconds(rows), 0.95 * 8 / seconds(8)) << rows;
  EXPECT_GE(rows, 8);
}

}  // namespace
}  // namespace raceway::engine::schedule
