// Requests of several tables: what goes in, what comes out, and that each ends once.
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "tests/engine/flows.h"

namespace raceway::engine {
namespace {

using testing::Add;
using testing::FlowBuilder;
using testing::Rows;
using testing::TextOf;

constexpr Port kInput = FlowBuilder::kInput;
constexpr Port kSecond = {-1, 1};

class TablesTest : public ::testing::Test {
 protected:
  FlowHandle Deploy(const PhysicalPlan& plan) {
    Result<FlowHandle> flow = engine_.Deploy(plan, ".");
    if (!flow) throw std::runtime_error(flow.error().Text());
    return *flow;
  }

  /// "1 2 | 3", or "failed: …".
  static std::string Text(const Result<std::vector<Batch>>& tables) {
    if (!tables) return TextOf(tables.error());
    std::string text;
    for (const Batch& table : *tables) {
      text += (&table == &tables->front() ? "" : " | ") + TextOf(table);
    }
    return text;
  }

  Engine engine_{EngineOptions{.num_workers = 3, .factories = FlowBuilder::Factories()}};
};

/// `a`, what another stage reads, too; `b`; and what came in.
PhysicalPlan ThreeResults(bool own_task) {
  FlowBuilder builder;
  const Port a = builder.Then(kInput, Add(10), own_task);
  const Port b = builder.Then(a, Add(100), own_task);
  PhysicalPlan plan = builder.Build();
  plan.results = {{"a", a, {{"x", "x"}}}, {"b", b, {{"x", "x"}}}, {"came", kInput, {{"y", "x"}}}};
  return plan;
}

TEST_F(TablesTest, AFlowGivesSeveralTables) {
  for (const bool own_task : {false, true}) {
    const FlowHandle flow = Deploy(ThreeResults(own_task));
    EXPECT_EQ(flow->num_results(), 3U);
    EXPECT_EQ(ToString(*flow->result_schema(2)), "(y: i64)");
    EXPECT_EQ(Text(engine_.RunTables(*flow, {Rows({1, 2})})), "11 12 | 111 112 | 1 2");
    EXPECT_EQ(Text(engine_.SubmitTables(*flow, {Rows({3})}).get()), "13 | 113 | 3");
    EXPECT_EQ(Text(engine_.RunTables(*flow, {Rows({})})), " |  | ");
  }
}

TEST_F(TablesTest, HalvesOfASplitAreResults) {
  FlowBuilder builder;
  const std::vector<Port> halves = builder.Split(kInput, 2);
  const Port odd = builder.Then(halves[1], Add(100), true);
  PhysicalPlan plan = builder.Build();
  plan.results = {{"even", halves[0], {{"x", "x"}}},
                  {"odd", odd, {{"x", "x"}}},
                  {"again", halves[0], {{"x", "x"}}}};
  EXPECT_EQ(Text(engine_.RunTables(*Deploy(plan), {Rows({1, 2, 3, 4})})), "2 4 | 101 103 | 2 4");
}

TEST_F(TablesTest, ManyRequestsEndOnceEach) {
  FlowBuilder builder;
  const Port top = builder.Then(kInput, Add(1));
  std::vector<Port> ends;
  for (int i = 0; i < 8; ++i) ends.push_back(builder.Then(top, Add(i), true));
  PhysicalPlan plan = builder.Build();
  plan.results.clear();
  for (size_t i = 0; i < ends.size(); ++i) {
    plan.results.push_back({std::to_string(i), ends[i], {{"x", "x"}}});
  }
  const FlowHandle flow = Deploy(plan);
  std::vector<std::future<Result<std::vector<Batch>>>> answers;
  for (int i = 0; i < 2000; ++i) answers.push_back(engine_.SubmitTables(*flow, {Rows({i})}));
  for (int i = 0; i < 2000; ++i) {
    const Result<std::vector<Batch>> tables = answers[static_cast<size_t>(i)].get();
    ASSERT_TRUE(tables.ok());
    for (size_t j = 0; j < ends.size(); ++j) {
      ASSERT_EQ(TextOf((*tables)[j]), std::to_string(i + 1 + static_cast<int>(j)));
    }
  }
}

TEST_F(TablesTest, OneErrorEndsAll) {
  FlowBuilder builder;
  const Port a = builder.Then(kInput, Add(1), true);
  const Port b = builder.Then(
      kInput,
      [](Batch, RunContext&) -> Result<Batch> {
        return Error{.code = ErrorCode::kFailed, .message = "no luck"};
      },
      true);
  PhysicalPlan plan = builder.Build();
  plan.results = {{"a", a, {{"x", "x"}}}, {"b", b, {{"x", "x"}}}};
  const FlowHandle flow = Deploy(plan);
  for (int i = 0; i < 100; ++i) {
    EXPECT_NE(Text(engine_.SubmitTables(*flow, {Rows({1})}).get()).find("no luck"),
              std::string::npos);
  }
}

/// A flow of two tables; the second calls its column `y`.
PhysicalPlan TwoInputs(testing::MergeHook hook = testing::Concatenate()) {
  FlowBuilder builder;
  builder.Merge({kInput, kSecond}, std::move(hook));
  PhysicalPlan plan = builder.Build();
  plan.inputs.push_back({"others", testing::XSchema(), {"y"}});
  return plan;
}

Batch Others(const std::vector<int64_t>& rows) {
  const Batch x = Rows(rows);
  const auto schema = std::make_shared<const Schema>(
      std::vector<Field>{{"y", {.dtype = DataType::kI64, .shape = {}}}});
  return {schema, x.columns(), x.num_rows()};
}

TEST_F(TablesTest, AFlowTakesSeveralTables) {
  const FlowHandle flow = Deploy(TwoInputs());
  EXPECT_EQ(flow->num_inputs(), 2U);
  EXPECT_EQ(ToString(*flow->input_schema(1)), "(y: i64)");
  EXPECT_EQ(Text(engine_.RunTables(*flow, {Rows({1, 2}), Others({3})})), "1 2 3");
  EXPECT_EQ(Text(engine_.SubmitTables(*flow, {Rows({}), Others({4, 5})}).get()), "4 5");
}

TEST_F(TablesTest, RowsAreNumberedThroughAndNamedByTable) {
  const auto fails_at = [&](int64_t id) {
    const FlowHandle flow = Deploy(TwoInputs([id](std::span<Batch> inputs, RunContext&) {
      EXPECT_EQ(inputs[0].RowId(1), 1);
      EXPECT_EQ(inputs[1].RowId(0), 2);
      return Result<Batch>(Error{.code = ErrorCode::kFailed, .message = "no luck", .row_id = id});
    }));
    return Text(engine_.RunTables(*flow, {Rows({1, 2}), Others({3, 4})}));
  };
  EXPECT_NE(fails_at(1).find("row 2: of `rows`: no luck"), std::string::npos) << fails_at(1);
  EXPECT_NE(fails_at(2).find("row 1: of `others`: no luck"), std::string::npos) << fails_at(2);
}

TEST_F(TablesTest, RefusesWhatTheFlowDoesNotTakeOrGive) {
  const FlowHandle two = Deploy(TwoInputs());
  EXPECT_EQ(Text(engine_.RunTables(*two, {Rows({1})})),
            "invalid argument: `test` takes 2 tables, here are 1");
  EXPECT_EQ(Text(engine_.RunTables(*two, {Rows({1}), Rows({1})})),
            "invalid argument: `test(others)` takes (y: i64): the table has no column `y`");
  EXPECT_EQ(TextOf(engine_.Run(*two, Rows({1}))),
            "invalid argument: `test` takes several tables: call it by `RunTables` or "
            "`SubmitTables`");
  EXPECT_EQ(TextOf(engine_.Submit(*Deploy(ThreeResults(false)), Rows({1})).get()),
            "invalid argument: `test` gives several tables: call it by `RunTables` or "
            "`SubmitTables`");
}

}  // namespace
}  // namespace raceway::engine
