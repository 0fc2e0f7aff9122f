#include <gtest/gtest.h>

#include <algorithm>

#include "engine/load/strategies/strategy.h"
#include "tests/engine/load/strategies/cold_models.h"

namespace raceway::engine::load {
namespace {

using testing::AnswerOf;
using testing::ColdModel;
using testing::EventLog;
using testing::TemporaryFolder;
using namespace std::chrono_literals;

constexpr char kChain[] = "  return x @ self.w0 @ self.w1 @ self.w2 @ self.w3\n";

class StrategyEventsTest : public ::testing::Test {
 protected:
  StrategyEventsTest()
      : model_(testing::SaveSquares(folder_, "m.pt", kChain, {1, 2, 3, 4}, 512)),
        num_bytes_(testing::BytesOfWeights(model_.path)) {
    ForgetIdle();
  }

  /// On a disk that four weights take 42 ms of.
  ColdAnswer Answer(Strategy strategy, EventLog& log) const {
    return AnswerOf(strategy, {.model = model_.path,
                               .inputs = model_.inputs,
                               .disk = ThrottleOptions{.bytes_per_second = 100e6, .latency = 50us},
                               .on_event = log.sink()});
  }

  TemporaryFolder folder_;
  const ColdModel model_;
  const uint64_t num_bytes_;
};

bool Overlap(const LoadEvent& a, const LoadEvent& b) { return a.begin < b.end && b.begin < a.end; }

bool AnyOverlap(const std::vector<LoadEvent>& some, const std::vector<LoadEvent>& others) {
  return std::any_of(some.begin(), some.end(), [&](const LoadEvent& a) {
    return std::any_of(others.begin(), others.end(),
                       [&](const LoadEvent& b) { return Overlap(a, b); });
  });
}

TEST_F(StrategyEventsTest, AllTellWhatTheyReadCheckAndRun) {
  for (const StrategyInfo& info : Strategies()) {
    EventLog log;
    const ColdAnswer answer = Answer(info.strategy, log);
    EXPECT_GE(log.BytesOf(Lane::kRetrieve), num_bytes_) << info.name;
    if (info.strategy != Strategy::kSequential) {
      EXPECT_EQ(log.BytesOf(Lane::kVerify), num_bytes_) << info.name;
    }
    // The module of the product tells its own.
    if (info.strategy != Strategy::kRaceway) {
      EXPECT_FALSE(log.Of(Lane::kExecute).empty()) << info.name;
    }
    for (const Lane lane : {Lane::kScan, Lane::kRetrieve, Lane::kVerify, Lane::kCopy, Lane::kApply,
                            Lane::kExecute, Lane::kWait}) {
      for (const LoadEvent& event : log.Of(lane)) {
        EXPECT_LE(event.begin, event.end) << info.name;
        EXPECT_GE(event.begin, answer.begin) << info.name;
      }
    }
  }
}

TEST_F(StrategyEventsTest, RunningAndWaitingTakeTurns) {
  for (const Strategy strategy :
       {Strategy::kPisel, Strategy::kMini, Strategy::kPreload, Strategy::kCicada}) {
    EventLog log;
    Answer(strategy, log);
    EXPECT_FALSE(log.Of(Lane::kWait).empty());
    EXPECT_FALSE(AnyOverlap(log.Of(Lane::kWait), log.Of(Lane::kExecute)));
  }
}

TEST_F(StrategyEventsTest, LayersAreAppliedOnceAndInOrder) {
  for (const Strategy strategy :
       {Strategy::kPisel, Strategy::kMini, Strategy::kPreload, Strategy::kCicada}) {
    EventLog log;
    Answer(strategy, log);
    const std::vector<LoadEvent> applied = log.Of(Lane::kApply);
    ASSERT_EQ(applied.size(), 4u);
    for (size_t i = 0; i < applied.size(); ++i) {
      EXPECT_EQ(applied[i].storage, static_cast<int32_t>(i));
      if (i == 0) continue;
      EXPECT_GE(applied[i].begin, applied[i - 1].end);
    }
    EXPECT_EQ(log.BytesOf(Lane::kApply), num_bytes_);
  }
}

TEST_F(StrategyEventsTest, OnlyThoseThatReadAheadReadWhileTheyApply) {
  for (const Strategy strategy : {Strategy::kPisel, Strategy::kMini}) {
    EventLog log;
    Answer(strategy, log);
    EXPECT_FALSE(AnyOverlap(log.Of(Lane::kRetrieve), log.Of(Lane::kApply)));
  }
  for (const Strategy strategy : {Strategy::kPreload, Strategy::kCicada}) {
    EventLog log;
    Answer(strategy, log);
    const std::vector<LoadEvent> read = log.Of(Lane::kRetrieve);
    const TimePoint first_applied = log.Of(Lane::kApply).front().begin;
    EXPECT_TRUE(std::any_of(read.begin(), read.end(), [&](const LoadEvent& event) {
      return event.begin < first_applied && event.end > first_applied;
    }));
  }
}

TEST_F(StrategyEventsTest, OnlyPiselAndPreloadMakeLayers) {
  const auto count_scans = [&](Strategy strategy) {
    EventLog log;
    Answer(strategy, log);
    return log.Of(Lane::kScan).size();
  };
  EXPECT_EQ(count_scans(Strategy::kPisel), 2u + 4u);
  EXPECT_EQ(count_scans(Strategy::kPreload), 2u + 4u);
  EXPECT_EQ(count_scans(Strategy::kMini), 2u);
  EXPECT_EQ(count_scans(Strategy::kCicada), 2u);
}

}  // namespace
}  // namespace raceway::engine::load
