#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <chrono>
#include <functional>
#include <memory>
#include <random>
#include <set>
#include <stdexcept>
#include <vector>

#include "engine/engine.h"
#include "tests/engine/flows.h"

namespace raceway::engine {
namespace {

using testing::Add;
using testing::FakeClock;
using testing::FlowBuilder;
using ::testing::HasSubstr;
using testing::Hook;
using testing::Pass;
using testing::Rows;
using testing::RowsOf;
using testing::TextOf;
using namespace std::chrono_literals;

constexpr Port kInput = FlowBuilder::kInput;
using IsBad = std::function<bool(int64_t)>;

/// Fails at the first bad row, which it names or not. Adds 100 to the others.
Hook FailsAt(IsBad is_bad, bool names_row, std::atomic<int64_t>* num_rows = nullptr,
             std::atomic<int>* num_runs = nullptr) {
  return [=](Batch batch, RunContext& context) -> Result<Batch> {
    if (num_rows != nullptr) *num_rows += batch.num_rows();
    if (num_runs != nullptr) ++*num_runs;
    const std::vector<int64_t> rows = RowsOf(batch);
    for (size_t row = 0; row < rows.size(); ++row) {
      if (!is_bad(rows[row])) continue;
      const int64_t id = names_row ? batch.RowId(static_cast<int64_t>(row)) : -1;
      return Error{.code = ErrorCode::kFailed, .message = "bad row", .row_id = id};
    }
    return Add(100)(std::move(batch), context);
  };
}
IsBad IsOneOf(std::set<int64_t> bad) {
  return [bad = std::move(bad)](int64_t x) { return bad.contains(x); };
}

Value::Record EachRow() { return {{"each_row", true}}; }

class GuardTest : public ::testing::Test {
 protected:
  Result<Batch> Run(FlowBuilder& builder, Batch rows, RequestOptions options = {}) {
    Result<FlowHandle> flow = engine_.Deploy(builder.Build(), ".");
    if (!flow) throw std::runtime_error(flow.error().Text());
    return engine_.Run(**flow, std::move(rows), std::move(options));
  }
  /// The rows that go through a guard with these branches.
  std::string Guarded(Value::Record options, std::vector<testing::BranchOfHooks> branches,
                      std::vector<int64_t> rows) {
    FlowBuilder builder;
    builder.Branch(kInput, "guard", std::move(options), std::move(branches));
    return TextOf(Run(builder, Rows(std::move(rows))));
  }

  FakeClock clock_;
  Engine engine_{{.num_workers = 1, .factories = FlowBuilder::Factories(), .clock = &clock_}};
};

TEST_F(GuardTest, RowsThatDoNotFailAreNotTouched) {
  EXPECT_EQ(Guarded(EachRow(), {{"try", {Add(1)}}, {"rescue", {Add(1000)}}}, {1, 2, 3}), "2 3 4");
  EXPECT_EQ(Guarded(EachRow(), {{"try", {Add(1)}}, {"rescue", {Add(1000)}}}, {}), "");
}

TEST_F(GuardTest, OnlyRowsThatFailTakeTheSubstitute) {
  for (const bool names_row : {true, false}) {
    EXPECT_EQ(Guarded(EachRow(),
                      {{"try", {FailsAt(IsOneOf({2, 5}), names_row)}}, {"rescue", {Add(1000)}}},
                      {1, 2, 3, 4, 5}),
              "101 1002 103 104 1005");
  }
}

TEST_F(GuardTest, WithoutEachRowAllOfThemDo) {
  EXPECT_EQ(
      Guarded({}, {{"try", {FailsAt(IsOneOf({2}), true)}}, {"rescue", {Add(1000)}}}, {1, 2, 3}),
      "1001 1002 1003");
}

TEST_F(GuardTest, WhatIsThrownIsCaught) {
  const Hook throws = [](Batch batch, RunContext&) -> Result<Batch> {
    if (RowsOf(batch)[0] == 1) throw std::runtime_error("no luck");
    return batch;
  };
  EXPECT_EQ(Guarded(EachRow(), {{"try", {throws}}, {"rescue", {Add(1000)}}}, {1, 2, 3}),
            "1001 2 3");
}

TEST_F(GuardTest, FailedRowsAreLeftOut) {
  Value::Record drop = EachRow();
  drop.emplace_back("on_error", "drop");
  EXPECT_EQ(Guarded(drop, {{"try", {FailsAt(IsOneOf({1, 3}), true)}}}, {1, 2, 3, 4}), "102 104");
  EXPECT_EQ(Guarded(drop, {{"try", {FailsAt(IsOneOf({1, 3}), false)}}}, {1, 3}), "");
}

TEST_F(GuardTest, AFailingSubstituteFailsTheRequestAndSaysWhyItHadToWork) {
  FlowBuilder builder;
  const std::vector<Port> deal = builder.Split(kInput, 2);
  const Hook why = [](Batch batch, RunContext&) -> Result<Batch> {
    return Error{.code = ErrorCode::kFailed, .message = "worse", .row_id = batch.RowId(0)};
  };
  const Port odd = builder.Branch(deal[1], "guard", EachRow(),
                                  {{"try", {FailsAt(IsOneOf({7}), true)}}, {"rescue", {why}}});
  builder.Merge({odd, deal[0]});
  const std::string text = TextOf(Run(builder, Rows({5, 6, 7})));
  EXPECT_THAT(text, HasSubstr("row 2: worse (in place of hook"));  // the Dealer numbers anew
  EXPECT_THAT(text, HasSubstr("bad row)"));
}

TEST_F(GuardTest, GuardsCanGuardGuards) {
  FlowBuilder inner;
  StepSpec guard;
  {
    inner.Branch(
        kInput, "guard", EachRow(),
        {{"try", {FailsAt(IsOneOf({1, 2}), true)}}, {"rescue", {FailsAt(IsOneOf({2}), true)}}});
    guard = inner.Build().stages[0].steps[0];
    for (BranchSpec& branch : guard.branches) branch.stages[0].name += " inside";
  }
  FlowBuilder builder;
  builder.Branch(kInput, "guard", EachRow(), {{"try", {Pass()}}, {"rescue", {Add(1000)}}});
  PhysicalPlan plan = builder.Build();
  StageSpec& stage = plan.stages[0].steps[0].branches[0].stages[0];
  stage.name = "outer";
  stage.steps = {guard};
  Result<FlowHandle> flow = engine_.Deploy(plan, ".");
  ASSERT_TRUE(flow.ok()) << flow.error().Text();
  EXPECT_EQ(TextOf(engine_.Run(**flow, Rows({1, 2, 3}))), "101 1002 103");
}

TEST_F(GuardTest, FindsFailingRowsInBoundedWork) {
  std::mt19937 random(11);
  for (const bool names_row : {true, false}) {
    for (const int64_t n : {1, 2, 7, 64, 100}) {
      for (const int64_t k : {int64_t{0}, int64_t{1}, n / 3, n}) {
        std::vector<int64_t> rows(static_cast<size_t>(n));
        for (size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<int64_t>(i);
        std::vector<int64_t> shuffled = rows;
        std::shuffle(shuffled.begin(), shuffled.end(), random);
        const std::set<int64_t> bad(shuffled.begin(), shuffled.begin() + k);
        std::atomic<int64_t> num_rows = 0;
        std::atomic<int> num_runs = 0;
        std::string expected;
        for (const int64_t x : rows) {
          expected += (x > 0 ? " " : "") + std::to_string(x + (bad.contains(x) ? 1000 : 100));
        }
        ASSERT_EQ(Guarded(EachRow(),
                          {{"try", {FailsAt(IsOneOf(bad), names_row, &num_rows, &num_runs)}},
                           {"rescue", {Add(1000)}}},
                          rows),
                  expected);
        const auto levels = static_cast<int64_t>(std::bit_width(static_cast<uint64_t>(n)));
        EXPECT_LE(num_rows, 2 * n * levels + n) << n << " rows, " << k << " bad";
        EXPECT_LE(num_runs, std::max<int64_t>(1, std::min(4 * n, 2 * k * levels + 2)))
            << n << " rows, " << k << " bad";
      }
    }
  }
}

TEST_F(GuardTest, ATimeoutIsAnErrorOfItsOwn) {
  const Hook slow = [this](Batch batch, RunContext&) -> Result<Batch> {
    clock_.Advance(2s);
    return batch;
  };
  const std::string text = Guarded({{"timeout", int64_t{900'000'000}}}, {{"try", {slow}}}, {1});
  EXPECT_EQ(text.substr(0, 9), "timeout: ");
  EXPECT_THAT(text, HasSubstr("at test.flow:2:2: no answer within 900ms"));
  EXPECT_EQ(Guarded({{"timeout", int64_t{2'000'000'001}}}, {{"try", {slow}}}, {1}), "1");
}

TEST_F(GuardTest, ATimeoutIsCaughtAndNotTriedAgain) {
  std::atomic<int> runs = 0;
  const Hook slow = [&](Batch batch, RunContext& context) -> Result<Batch> {
    ++runs;
    EXPECT_FALSE(context.cancel.Check());
    clock_.Advance(1s);
    EXPECT_EQ(context.cancel.Check(), ErrorCode::kDeadlineExceeded);
    return batch;
  };
  Value::Record options = EachRow();
  options.emplace_back("timeout", int64_t{1'000'000'000});
  EXPECT_EQ(Guarded(options, {{"try", {slow}}, {"rescue", {Add(1000)}}}, {1, 2, 3}),
            "1001 1002 1003");
  EXPECT_EQ(runs, 1);
}

TEST_F(GuardTest, RetriesShareOneTimeout) {
  const Hook slow = [this](Batch batch, RunContext& context) -> Result<Batch> {
    clock_.Advance(400ms);
    return FailsAt(IsOneOf({1}), true)(std::move(batch), context);
  };
  Value::Record options = EachRow();
  options.emplace_back("timeout", int64_t{500'000'000});
  const TimePoint before = clock_.Now();
  EXPECT_EQ(Guarded(options, {{"try", {slow}}, {"rescue", {Add(1000)}}}, {1, 2, 3, 4}),
            "1001 1002 1003 1004");
  EXPECT_EQ(clock_.Now() - before, 800ms);
}

TEST_F(GuardTest, TheRequestsOwnEndIsNotCaught) {
  std::atomic<int> rescued = 0;
  const Hook rescue = [&](Batch batch, RunContext&) -> Result<Batch> {
    ++rescued;
    return batch;
  };
  const auto cancel = std::make_shared<CancelToken>();
  const Hook cancels = [&](Batch batch, RunContext&) -> Result<Batch> {
    cancel->Cancel();
    return batch;
  };
  const Hook slow = [this](Batch batch, RunContext&) -> Result<Batch> {
    clock_.Advance(1s);
    return batch;
  };
  Value::Record options = EachRow();
  options.emplace_back("timeout", int64_t{5'000'000'000});
  {
    FlowBuilder builder;
    builder.Branch(kInput, "guard", options, {{"try", {cancels}}, {"rescue", {rescue}}});
    EXPECT_THAT(TextOf(Run(builder, Rows({1}), {.deadline = {}, .cancel = cancel})),
                HasSubstr("cancelled: "));
  }
  FlowBuilder builder;
  builder.Branch(kInput, "guard", options, {{"try", {slow, Pass()}}, {"rescue", {rescue}}});
  EXPECT_THAT(TextOf(Run(builder, Rows({1}), {.deadline = clock_.Now() + 1s, .cancel = {}})),
              HasSubstr("deadline exceeded: "));
  EXPECT_EQ(rescued, 0);
}

TEST_F(GuardTest, RowsKeepTheRowsTheyStemFrom) {
  // What is left of the request has ids of its own.
  const Hook second_half = [](Batch batch, RunContext&) -> Result<Batch> {
    const std::vector<int64_t> rows = {2, 3, 4};
    return Batch(batch.schema(), {batch.column(0).Take(rows)}, 3,
                 std::make_shared<const std::vector<int64_t>>(rows));
  };
  std::vector<int64_t> ids;
  const Hook look = [&](Batch batch, RunContext&) -> Result<Batch> {
    for (int64_t row = 0; row < batch.num_rows(); ++row) ids.push_back(batch.RowId(row));
    return batch;
  };
  FlowBuilder builder;
  const Port part = builder.Then(kInput, second_half);
  const Port safe = builder.Branch(part, "guard", EachRow(),
                                   {{"try", {FailsAt(IsOneOf({13}), true)}}, {"rescue", {Pass()}}});
  builder.Then(safe, look);
  EXPECT_EQ(TextOf(Run(builder, Rows({10, 11, 12, 13, 14}))), "112 13 114");
  EXPECT_THAT(ids, ::testing::ElementsAre(2, 3, 4));

  FlowBuilder fails;
  fails.Branch(fails.Then(kInput, second_half), "guard", {},
               {{"try", {FailsAt(IsOneOf({13}), true)}}});
  EXPECT_THAT(TextOf(Run(fails, Rows({10, 11, 12, 13, 14}))), HasSubstr("row 4: bad row"));
}

}  // namespace
}  // namespace raceway::engine
