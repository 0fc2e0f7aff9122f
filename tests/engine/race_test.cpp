#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <latch>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "engine/engine.h"
#include "tests/engine/flows.h"

namespace raceway::engine {
namespace {

using testing::Add;
using testing::BranchOfHooks;
using testing::FakeClock;
using testing::FlowBuilder;
using ::testing::HasSubstr;
using testing::Hook;
using testing::Rows;
using testing::RowsOf;
using testing::TextOf;
using namespace std::chrono_literals;

constexpr Port kInput = FlowBuilder::kInput;
constexpr int64_t kMilliseconds = 1'000'000;

bool Any(int64_t /*x*/) { return true; }
bool IsEven(int64_t x) { return x % 2 == 0; }

Hook Fails(std::string message) {
  return [message](Batch batch, RunContext&) -> Result<Batch> {
    return Error{.code = ErrorCode::kFailed, .message = message, .row_id = batch.RowId(0)};
  };
}
/// Runs until it is stopped.
Hook Spins() {
  return [](Batch batch, RunContext& context) -> Result<Batch> {
    while (!context.cancel.Check()) std::this_thread::yield();
    return batch;
  };
}

class RaceTest : public ::testing::Test {
 protected:
  FlowHandle Deploy(Value::Record options, std::vector<BranchOfHooks> branches) {
    FlowBuilder builder;
    builder.Branch(kInput, "anyof", std::move(options), std::move(branches));
    Result<FlowHandle> flow = engine_->Deploy(builder.Build(), ".");
    if (!flow) throw std::runtime_error(flow.error().Text());
    return *flow;
  }
  std::string Race(Value::Record options, std::vector<BranchOfHooks> branches,
                   std::vector<int64_t> rows) {
    const FlowHandle flow = Deploy(std::move(options), std::move(branches));
    return TextOf(engine_->Run(*flow, Rows(std::move(rows))));
  }

  FakeClock clock_;
  std::unique_ptr<Engine> engine_ =
      std::make_unique<Engine>(EngineOptions{.num_workers = 2,
                                             .factories = FlowBuilder::Factories(),
                                             .clock = &clock_,
                                             .may_raise_thread_limit = true});
};

TEST_F(RaceTest, WithoutWorkersBranchesRunAsWrittenAndOnlyOnOpenRows) {
  std::vector<int64_t> seen;
  const Hook looks = [&](Batch batch, RunContext& context) -> Result<Batch> {
    for (const int64_t x : RowsOf(batch)) seen.push_back(x);
    return Add(100)(std::move(batch), context);
  };
  EXPECT_EQ(Race({}, {{"a", {Add(10)}, &IsEven}, {"b", {looks}}}, {1, 2, 3, 4}), "101 12 103 14");
  EXPECT_THAT(seen, ::testing::ElementsAre(1, 3));
  seen.clear();
  EXPECT_EQ(Race({}, {{"a", {Add(10)}}, {"b", {looks}}}, {1, 2, 3, 4}), "11 12 13 14");
  EXPECT_TRUE(seen.empty());
  EXPECT_EQ(Race({}, {{"a", {Add(10)}}, {"b", {looks}}}, {}), "");
}

TEST_F(RaceTest, ErrorsDoNotWinWhileAnotherMay) {
  EXPECT_EQ(Race({}, {{"a", {Fails("no")}, &Any}, {"b", {Add(1)}, &Any}}, {1, 2, 3}), "2 3 4");
  // Only the row that fails is lost to a branch.
  const Hook fails_at_2 = [](Batch batch, RunContext&) -> Result<Batch> {
    for (const int64_t x : RowsOf(batch)) {
      if (x == 2) return Error{.code = ErrorCode::kFailed, .message = "two"};
    }
    return batch;
  };
  EXPECT_EQ(Race({}, {{"a", {fails_at_2}}, {"b", {Add(100)}}}, {1, 2, 3}), "1 102 3");
}

TEST_F(RaceTest, WhereNoAnswerIsGoodAllCausesAreTold) {
  const Hook loses_rows = [](Batch batch, RunContext&) -> Result<Batch> {
    return Batch::Empty(batch.schema());
  };
  const std::string text = Race(
      {}, {{"a", {Fails("too dark")}}, {"b", {Add(1)}, &IsEven}, {"c", {loses_rows}}}, {1, 2, 3});
  EXPECT_THAT(text, HasSubstr("failed: anyof at test.flow:2:2: row 2: no answer is good: a: hook"));
  EXPECT_THAT(text, HasSubstr("too dark; b: not accepted; c: no answer"));
}

TEST_F(RaceTest, ElseAnswersWhatNobodyElseDoes) {
  EXPECT_EQ(Race({}, {{"a", {Add(10)}, &IsEven}, {"else", {Add(1000)}}}, {1, 2, 3}),
            "1001 12 1003");
  EXPECT_THAT(Race({}, {{"a", {Fails("x")}}, {"else", {Fails("nothing left")}}}, {1, 2}),
              HasSubstr("row 1: nothing left"));
}

TEST_F(RaceTest, AfterWithinElseAnswers) {
  const Hook slow = [this](Batch batch, RunContext&) -> Result<Batch> {
    clock_.Advance(50ms);
    return batch;
  };
  std::atomic<int> runs = 0;
  const Hook counts = [&](Batch batch, RunContext&) -> Result<Batch> {
    ++runs;
    return batch;
  };
  const auto race = [&](int64_t milliseconds) {
    return Race({{"within", milliseconds * kMilliseconds}},
                {{"a", {slow}, &IsEven}, {"b", {slow}}, {"c", {counts}}, {"else", {Add(1000)}}},
                {1, 2, 3});
  };
  EXPECT_EQ(race(51), "1001 2 1003");
  EXPECT_EQ(race(50), "1001 1002 1003") << "late by a nanosecond is late";
  EXPECT_EQ(runs, 0);
  EXPECT_EQ(race(101), "1 2 3");
}

TEST_F(RaceTest, TheFirstToFinishWinsAndTheOthersAreStopped) {
  // Whoever is first in the list is run by the thread that has the rows; the other by a worker.
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(Race({}, {{"a", {Spins()}, &Any, true}, {"b", {Add(1)}, &Any, true}}, {1, 2}), "2 3");
    EXPECT_EQ(Race({}, {{"a", {Add(1)}, &Any, true}, {"b", {Spins()}, &Any, true}}, {1, 2}), "2 3");
  }
}

TEST_F(RaceTest, NobodyWaitsForALoserThatDoesNotLook) {
  std::latch started(1);
  std::latch go_on(1);
  std::atomic<bool> is_through = false;
  const Hook deaf = [&](Batch batch, RunContext&) -> Result<Batch> {
    started.count_down();
    go_on.wait();
    is_through = true;
    return batch;
  };
  const Hook waits = [&](Batch batch, RunContext&) -> Result<Batch> {
    started.wait();
    return batch;
  };
  EXPECT_EQ(Race({}, {{"a", {waits, Add(1)}, &Any, true}, {"b", {deaf}, &Any, true}}, {1, 2}),
            "2 3");
  EXPECT_FALSE(is_through);
  go_on.count_down();
  engine_.reset();  // waits for it
  EXPECT_TRUE(is_through);
}

TEST_F(RaceTest, WithinEndsTheWaitForAWorker) {
  std::latch started(1);
  std::latch go_on(1);
  const Hook deaf = [&](Batch batch, RunContext&) -> Result<Batch> {
    started.count_down();
    go_on.wait();
    return batch;
  };
  const Hook fails = [&](Batch batch, RunContext& context) -> Result<Batch> {
    started.wait();
    return Fails("no")(std::move(batch), context);
  };
  const FlowHandle flow =
      Deploy({{"within", 10 * kMilliseconds}},
             {{"a", {fails}, &Any, true}, {"b", {deaf}, &Any, true}, {"else", {Add(1000)}}});
  std::jthread mover([&] {
    started.wait();
    clock_.Advance(10ms);
  });
  EXPECT_EQ(TextOf(engine_->Run(*flow, Rows({1, 2}))), "1001 1002");
  go_on.count_down();
  engine_.reset();
}

TEST_F(RaceTest, TheRequestsOwnEndStopsAllBranches) {
  const auto cancel = std::make_shared<CancelToken>();
  std::latch both(2);
  const Hook spins = [&](Batch batch, RunContext& context) -> Result<Batch> {
    both.count_down();
    return Spins()(std::move(batch), context);
  };
  const FlowHandle flow =
      Deploy({}, {{"a", {spins}, &Any, true}, {"b", {spins}, &Any, true}, {"else", {Add(1000)}}});
  std::jthread canceller([&] {
    both.wait();
    cancel->Cancel();
  });
  EXPECT_THAT(TextOf(engine_->Run(*flow, Rows({1}), {.deadline = {}, .cancel = cancel})),
              HasSubstr("cancelled: "));
  engine_.reset();
}

TEST_F(RaceTest, TheRequestsDeadlineIsNoLossButItsEnd) {
  const Hook slow = [this](Batch batch, RunContext&) -> Result<Batch> {
    clock_.Advance(50ms);
    return batch;
  };
  const FlowHandle flow =
      Deploy({{"within", 100 * kMilliseconds}}, {{"a", {slow}, &Any}, {"else", {Add(1000)}}});
  EXPECT_THAT(
      TextOf(engine_->Run(*flow, Rows({1}), {.deadline = clock_.Now() + 20ms, .cancel = {}})),
      HasSubstr("deadline exceeded: "));
}

// Branches that fail, throw, are slow, get lost or are stopped, alone and inside of one another:
// whatever happens, a request ends once, and with rows only if they are what a branch makes of
// them.
TEST_F(RaceTest, EveryRequestEndsOnceWhateverBranchesDo) {
  constexpr int kRequests = 1000;
  const auto cancel_some = std::make_shared<CancelToken>();
  const auto trouble = [&](uint32_t salt) -> Hook {
    return [&, salt](Batch batch, RunContext& context) -> Result<Batch> {
      std::minstd_rand random(salt + static_cast<uint32_t>(RowsOf(batch)[0]) * 2654435761U);
      random.discard(3);
      switch (random() % 8) {
        case 0: return Fails("fails")(std::move(batch), context);
        case 1: throw std::runtime_error("throws");
        case 2: throw 42;
        case 3: clock_.Advance(1ms); return batch;
        case 4: return Batch::Empty(batch.schema());
        case 5:
          for (int i = 0; i < 3 && !context.cancel.Check(); ++i) std::this_thread::yield();
          return batch;
        default: return batch;
      }
    };
  };
  FlowBuilder builder;
  const Port raced = builder.Branch(kInput, "anyof", {{"within", 5 * kMilliseconds}},
                                    {{"a", {trouble(1), Add(10)}, &IsEven, true},
                                     {"b", {trouble(2), Add(20)}, &Any, true},
                                     {"c", {trouble(3), Add(30)}, &Any, false},
                                     {"else", {Add(40)}}});
  builder.Branch(raced, "guard", {{"each_row", true}, {"timeout", 3 * kMilliseconds}},
                 {{"try", {trouble(4), Add(100)}}, {"rescue", {trouble(5), Add(200)}}});
  Result<FlowHandle> flow = engine_->Deploy(builder.Build(), ".");
  ASSERT_TRUE(flow.ok()) << flow.error().Text();

  std::vector<std::atomic<int>> ends(kRequests);
  std::atomic<int> num_ok = 0;
  std::atomic<int> num_over = 0;
  for (int i = 0; i < kRequests; ++i) {
    RequestOptions options;
    if (i % 5 == 0) options.cancel = cancel_some;
    if (i % 7 == 0) options.deadline = clock_.Now() + std::chrono::milliseconds(i % 4);
    engine_->Submit(**flow, Rows({i, i + 1, i + 2}), std::move(options),
                    [&, i](Result<Batch> rows) {
                      ++ends[static_cast<size_t>(i)];
                      if (rows) {
                        ++num_ok;
                        for (const int64_t x : RowsOf(*rows)) {
                          bool is_answer = false;
                          for (int64_t row = i; row < i + 3; ++row) {
                            const int64_t added = x - row;
                            is_answer |= added >= 110 && added <= 240 && added % 10 == 0;
                          }
                          EXPECT_TRUE(is_answer) << i << " " << x;
                        }
                      } else {
                        EXPECT_NE(rows.error().code, ErrorCode::kTimeout) << rows.error().Text();
                      }
                      ++num_over;
                      num_over.notify_one();
                    });
    if (i == kRequests / 2) cancel_some->Cancel();
  }
  for (int over = 0; over < kRequests; over = num_over) num_over.wait(over);
  engine_.reset();
  for (int i = 0; i < kRequests; ++i) ASSERT_EQ(ends[static_cast<size_t>(i)], 1) << i;
  EXPECT_GT(num_ok, kRequests / 4);
}

}  // namespace
}  // namespace raceway::engine
