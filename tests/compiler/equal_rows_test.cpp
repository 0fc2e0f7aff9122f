// Random flows give the rows they mean, with every subset of the rewrites.
#include <ATen/core/TensorBody.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/lower/lower.h"
#include "compiler/place/place.h"
#include "compiler/plan/explain.h"
#include "compiler/plan/logical_plan.h"
#include "compiler/plan/verify.h"
#include "compiler/rewrite/optimize.h"
#include "engine/data/batch.h"
#include "engine/engine.h"
#include "engine/store/row_store.h"
#include "operators/register_all.h"
#include "tests/compiler/compiling.h"
#include "tests/compiler/random_flow.h"
#include "tests/compiler/with_hints.h"

namespace raceway::compiler {
namespace {

using engine::Batch;
using engine::Column;
using engine::DataType;
using testing::RandomFlow;
using testing::Table;

template <typename T>
std::vector<T> Gather(const Table& table, const std::string& column) {
  std::vector<T> values;
  for (const testing::Row& row : table) values.push_back(std::get<T>(row.columns.at(column)));
  return values;
}

Batch ToBatch(const Table& table, const engine::SchemaPtr& schema) {
  std::vector<Column> columns;
  for (const engine::Field& field : schema->fields()) {
    if (field.type.dtype == DataType::kI64) {
      columns.emplace_back(at::tensor(Gather<int64_t>(table, field.name), at::kLong));
    } else if (field.type.dtype == DataType::kF32) {
      columns.emplace_back(at::tensor(Gather<float>(table, field.name), at::kFloat));
    } else {
      columns.emplace_back(engine::TextColumn::Of(Gather<std::string>(table, field.name)));
    }
  }
  return Batch(schema, std::move(columns), static_cast<int64_t>(table.size()));
}

testing::Value ValueOf(const Column& column, DataType type, int64_t row) {
  if (column.is_null(row)) return std::monostate();
  if (type == DataType::kString) return std::string(column.text()[row]);
  const at::Tensor value = column.Row(row);
  if (type == DataType::kBool) return value.item<bool>();
  if (type == DataType::kF32) return value.item<float>();
  return value.item<int64_t>();
}

Table ToTable(const Batch& batch) {
  Table table(static_cast<size_t>(batch.num_rows()));
  const auto& fields = batch.schema()->fields();
  for (size_t i = 0; i < fields.size(); ++i) {
    // A name that is no word stands in backquotes in a flow.
    const bool is_word = fields[i].name.find('.') == std::string::npos;
    const std::string name = is_word ? fields[i].name : "`" + fields[i].name + "`";
    for (int64_t row = 0; row < batch.num_rows(); ++row) {
      table[static_cast<size_t>(row)].columns[name] =
          ValueOf(batch.column(i), fields[i].type.dtype, row);
    }
  }
  return table;
}

engine::Result<std::shared_ptr<const engine::Store>> OpenShop(const engine::StoreSpec& spec) {
  std::vector<int64_t> keys;
  std::vector<int64_t> weights;
  std::vector<int64_t> units;
  std::vector<int64_t> has_units;
  for (const auto& [key, goods] : testing::kShop) {
    keys.push_back(key);
    weights.push_back(goods.first);
    units.push_back(goods.second.value_or(-1));
    has_units.push_back(goods.second.has_value() ? 1 : 0);
  }
  const Column maybe = Column(at::tensor(units, at::kLong))
                           .WithValidity(at::tensor(has_units, at::kLong).to(at::kBool));
  std::vector<Column> columns = {Column(at::tensor(keys, at::kLong)),
                                 Column(at::tensor(weights, at::kLong)), maybe};
  return engine::MakeRowStore(Batch(std::make_shared<engine::Schema>(spec.schema),
                                    std::move(columns), static_cast<int64_t>(keys.size())),
                              spec.name);
}

class EqualRowsTest : public ::testing::Test {
 protected:
  static engine::EngineOptions Options() {
    engine::EngineOptions options;
    options.num_workers = 1;
    options.open_store = &OpenShop;
    operators::RegisterAll(options.factories);
    return options;
  }

  std::string Run(const engine::PhysicalPlan& plan, const Table& input) {
    engine::Result<engine::FlowHandle> flow = engine_.Deploy(plan, "");
    if (!flow.ok()) return "not deployed: " + flow.error().Text();
    const engine::Result<Batch> result =
        engine_.Run(**flow, ToBatch(input, (*flow)->input_schema()));
    return result.ok() ? ToString(ToTable(*result)) : "failed: " + result.error().Text();
  }

  engine::Engine engine_{Options()};
};

/// What `flow` means; what it gave, where it met NaN and did not fail for another reason.
std::string Expected(const RandomFlow& flow, const std::string& gave) {
  const bool is_other = gave.starts_with("failed") && gave.find(" is NaN, ") == std::string::npos;
  return flow.meets_nan && !is_other ? gave : ToString(flow.expected);
}

/// What the passes make of `plan`, whichever of them run: every subset, but equal plans once, by
/// their text. Subsets that begin alike share what they do, so that this costs as much as there are
/// different plans, not 2 to the number of passes.
std::map<std::string, LogicalPlan> PlansOfEverySubset(const LogicalPlan& plan) {
  std::map<std::string, LogicalPlan> plans = {{Explain(plan), plan}};
  for (const Pass& pass : AllPasses()) {
    std::map<std::string, LogicalPlan> both = plans;
    for (const auto& [text, before] : plans) {
      LogicalPlan after = pass.run(before);
      const std::optional<std::string> problem = Verify(after);
      EXPECT_EQ(problem, std::nullopt) << pass.name << " of\n" << text << Explain(after);
      if (!problem) both.try_emplace(Explain(after), std::move(after));
    }
    plans = std::move(both);
  }
  return plans;
}

engine::PhysicalPlan Lowered(LogicalPlan plan, const dsl::SourceSet& sources) {
  testing::FakeFiles files;
  dsl::Diagnostics diagnostics;
  return Lower(Place(std::move(plan)), sources, files, diagnostics);
}

/// Puts each stage on one of two devices, also those in branches.
void PlaceAnywhere(std::vector<Stage>& stages, std::mt19937& random) {
  for (Stage& stage : stages) {
    stage.device = random() % 2 == 0 ? "cpu" : "gpu";
    for (Step& step : stage.steps) {
      for (Branch& branch : step.branches) PlaceAnywhere(branch.stages, random);
    }
  }
}

/// The number of flows that a test tries. More of them on a quiet machine:
/// RACEWAY_RANDOM_FLOWS=10000.
uint32_t NumFlows(uint32_t usual) {
  const char* const more = std::getenv("RACEWAY_RANDOM_FLOWS");
  return more == nullptr ? usual : static_cast<uint32_t>(std::atoi(more));
}

/// Counts the plans that each pass changes, when all run.
void CountChanges(LogicalPlan plan, std::map<std::string_view, size_t>& num_changed) {
  for (const Pass& pass : AllPasses()) {
    const std::string before = Explain(plan);
    plan = pass.run(std::move(plan));
    if (Explain(plan) != before) ++num_changed[pass.name];
  }
}

TEST_F(EqualRowsTest, WhateverIsRewritten) {
  const uint32_t num_flows = NumFlows(200);
  size_t num_stages = 0;
  size_t num_saved = 0;
  size_t num_plans = 0;
  size_t num_failed = 0;
  size_t num_meet_nan = 0;
  std::map<std::string_view, size_t> num_changed;
  for (uint32_t seed = 0; seed < num_flows; ++seed) {
    const RandomFlow flow = testing::MakeRandomFlow(seed);
    const testing::Compiled compiled =
        testing::Compile(flow.text, {.flow = "f", .params = {}, .without = {}}, "random.flow");
    ASSERT_TRUE(compiled.result.physical) << "seed " << seed << "\n"
                                          << flow.text << compiled.Text();
    const LogicalPlan& logical = *compiled.result.logical;
    for (const auto& [text, plan] : PlansOfEverySubset(logical)) {
      const std::string gave = Run(Lowered(plan, compiled.result.sources), flow.input);
      ASSERT_EQ(gave, Expected(flow, gave)) << "seed " << seed << "\n" << flow.text << text;
      ++num_plans;
      num_failed += gave.starts_with("failed") ? 1 : 0;
    }
    num_meet_nan += flow.meets_nan ? 1 : 0;
    num_stages += logical.stages.size();
    num_saved += logical.stages.size() - compiled.result.optimized->stages.size();
    CountChanges(logical, num_changed);
  }
  // That the flows are worth the name.
  EXPECT_GT(num_plans, num_flows * 8);
  EXPECT_GT(num_stages, num_flows * 5);
  EXPECT_GT(num_saved, num_flows * 2);
  EXPECT_GT(num_failed, 0u);
  EXPECT_LT(num_meet_nan, num_flows / 5);
  for (const Pass& pass : AllPasses()) {
    RecordProperty(std::string(pass.name), static_cast<int>(num_changed[pass.name]));
    if (pass.name == "narrow-copies") continue;     // all is on one device; see below
    if (pass.name == "prefetch-lookups") continue;  // there are no models; see below
    EXPECT_GT(num_changed[pass.name], num_flows / 40) << pass.name;
  }
}

// Stages on several devices: plans are rewritten for those, and run on the one that is there.
TEST_F(EqualRowsTest, WhereverStagesRun) {
  const uint32_t num_flows = NumFlows(200) / 5;
  size_t num_narrowed = 0;
  for (uint32_t seed = 5000; seed < 5000 + num_flows; ++seed) {
    const RandomFlow flow = testing::MakeRandomFlow(seed);
    const testing::Compiled compiled =
        testing::Compile(flow.text, {.flow = "f", .params = {}, .without = {}}, "random.flow");
    ASSERT_TRUE(compiled.result.physical) << flow.text << compiled.Text();
    LogicalPlan plan = *compiled.result.logical;
    std::mt19937 random(seed);
    PlaceAnywhere(plan.stages, random);
    for (const auto& [text, rewritten] : PlansOfEverySubset(plan)) {
      const std::string gave = Run(Lowered(rewritten, compiled.result.sources), flow.input);
      ASSERT_EQ(gave, Expected(flow, gave)) << "seed " << seed << "\n" << flow.text << text;
    }
    const LogicalPlan optimized = Optimize(plan);
    num_narrowed += Explain(optimized).find("narrow") != std::string::npos ? 1 : 0;
  }
  EXPECT_GT(num_narrowed, num_flows / 8);
}

Table RowsWith(std::initializer_list<int64_t> values) {
  Table table;
  for (const int64_t a : values) {
    testing::Row row;
    row.id = static_cast<int64_t>(table.size());
    row.columns = {{"id", row.id}, {"a", a}, {"x", 0.5F}, {"s", std::string()}};
    table.push_back(std::move(row));
  }
  return table;
}

// A guard stays a guard: no row meets an error that its flow keeps from it.
TEST_F(EqualRowsTest, WithoutNewErrors) {
  const std::string text = R"(
edition 1
flow f(rows: { id: i64, a: i64, x: f32, s: string }) -> { id: i64, z: i64 } {
  let kept = rows |> derive(y = id + 1) |> filter(a != 0) |> derive(z = 10 / a)
  return union(kept |> filter(10 / a > 1) |> filter(id >= 0),
               kept |> filter(a > 5 and 7 / a >= 1) |> filter(y > 0))
}
)";
  const Table input = RowsWith({0, 1, 7, 20, 0});
  const testing::Compiled compiled =
      testing::Compile(text, {.flow = "f", .params = {}, .without = {}});
  ASSERT_TRUE(compiled.result.physical) << compiled.Text();
  const std::map<std::string, LogicalPlan> plans = PlansOfEverySubset(*compiled.result.logical);
  EXPECT_GT(plans.size(), 4u);
  for (const auto& [as_text, plan] : plans) {
    EXPECT_EQ(Run(Lowered(plan, compiled.result.sources), input), "id 1  z 10  \nid 2  z 1  \n")
        << as_text;
  }
}

// The same of NaN, in filters, splits, branches that are merged and routes.
TEST_F(EqualRowsTest, WithoutNewNanInComparisons) {
  const std::string text = R"(
edition 1
flow f(rows: { id: i64, a: i64, x: f32, s: string }) -> { id: i64, z: i64 } {
  let all = rows |> derive(root = sqrt(x), n = id + 1)
  let (bad, good) = all |> split(root != root)
  let (large, small) = good |> derive(m = n * 2) |> filter(root > 0.5) |> split(root >= 2.0)
  let (tiny, rest) = small |> split(root < 0.9)
  return union(bad |> select(id, z = -1), large |> sort(a) |> select(id, z = m),
               tiny |> select(id, z = 1), rest |> select(id, z = i64(root < 1.5)))
}
)";
  Table input = RowsWith({5, 4, 3, 2, 1, 0});
  const std::vector<float> x = {-1, 0, 0.5, 1, 3, 9};
  for (size_t i = 0; i < x.size(); ++i) input[i].columns["x"] = x[i];
  const testing::Compiled compiled =
      testing::Compile(text, {.flow = "f", .params = {}, .without = {}});
  ASSERT_TRUE(compiled.result.physical) << compiled.Text();
  const std::map<std::string, LogicalPlan> plans = PlansOfEverySubset(*compiled.result.logical);
  EXPECT_GT(plans.size(), 8u);
  for (const auto& [as_text, plan] : plans) {
    EXPECT_EQ(Run(Lowered(plan, compiled.result.sources), input),
              "id 0  z -1  \nid 2  z 1  \nid 3  z 1  \nid 4  z 0  \nid 5  z 12  \n")
        << as_text;
  }
}

// Sharing may leave a join with one table on both sides.
TEST_F(EqualRowsTest, OfATableJoinedWithItself) {
  const std::string text = R"(
edition 1
flow f(rows: { id: i64, a: i64, x: f32, s: string }) -> { p: i64, q: i64, r: i64 } {
  let left = rows |> derive(p = a + 1) |> select(id, p)
  let right = rows |> derive(q = a + 1) |> derive(r = a + 1) |> select(id, q, r)
  return join(left, right, on: id)
}
)";
  const testing::Compiled compiled =
      testing::Compile(text, {.flow = "f", .params = {}, .without = {}});
  ASSERT_TRUE(compiled.result.physical) << compiled.Text();
  for (const auto& [as_text, plan] : PlansOfEverySubset(*compiled.result.logical)) {
    EXPECT_EQ(Run(Lowered(plan, compiled.result.sources), RowsWith({3, 5})),
              "p 4  q 4  r 4  \np 6  q 6  r 6  \n")
        << as_text;
  }
}

/// Look-ups on disk among native functions and steps that take out, sort or compute; some keys are
/// missing. `labels` is the file of the function.
std::string LookupsAmongFunctions(uint32_t seed, const std::string& labels) {
  std::mt19937 random(seed);
  std::string steps;
  std::string result = "id: i64";
  std::string select = "id";
  for (int i = 0; i < 7; ++i) {
    const std::string number = std::to_string(i);
    const std::string key = random() % 2 == 0 ? "mod(a, 4)" : "k";
    switch (random() % 5) {
      case 0:
        steps += "    |> map(name, index: mod(a, 4)) as m" + number + "\n";
        result += ", m" + number + ": string";
        select += ", m" + number + " = m" + number + ".label";
        break;
      case 1:
        steps += "    |> lookup(shop, key: " + key + ", miss: null) as l" + number + "\n";
        result += ", w" + number + ": i64";
        select += ", w" + number + " = l" + number + ".w ?? 0";
        break;
      case 2:
        steps += "    |> lookup(shop, key: " + key + ", miss: drop) as l" + number + "\n";
        result += ", w" + number + ": i64";
        select += ", w" + number + " = l" + number + ".w";
        break;
      case 3: steps += random() % 2 == 0 ? "    |> sort(a)\n" : "    |> filter(a > 2)\n"; break;
      default: steps += "    |> derive(k = mod(a + " + number + ", 9))\n";
    }
  }
  return "edition 1\n"
         "fn name(index: i64) -> (label: string) { native: \"labels.lookup\", file: \"" +
         labels +
         "\" }\n"
         "store shop(k: i64) -> (w: i64, u: i64?) { rocksdb: \"shop\" }\n"
         "flow f(rows: { id: i64, a: i64, k: i64 }) -> { " +
         result + " } {\n  return rows\n" + steps + "    |> select(" + select + ")\n}\n";
}

// A store that is told its keys early gives the same rows.
TEST_F(EqualRowsTest, WhateverIsPrefetched) {
  const std::string labels = ::testing::TempDir() + "/raceway_equal_rows_labels.txt";
  std::ofstream(labels) << "zero\none\ntwo\nthree\n";
  Table input;
  for (int64_t id = 0; id < 12; ++id) {
    input.push_back({id, {{"id", id}, {"a", id * 5 % 12}, {"k", id % 7}}, {}});
  }
  size_t num_prefetched = 0;
  for (uint32_t seed = 0; seed < NumFlows(200) / 2; ++seed) {
    const std::string text = LookupsAmongFunctions(seed, labels);
    const testing::Compiled compiled =
        testing::Compile(text, {.flow = "f", .params = {}, .without = {}});
    ASSERT_TRUE(compiled.result.physical) << text << compiled.Text();
    const LogicalPlan& logical = *compiled.result.logical;
    const std::string expected = Run(Lowered(logical, compiled.result.sources), input);
    ASSERT_EQ(expected.find("fail"), std::string::npos) << text << expected;
    for (const auto& [as_text, plan] : PlansOfEverySubset(logical)) {
      ASSERT_EQ(Run(Lowered(plan, compiled.result.sources), input), expected) << text << as_text;
    }
    std::map<std::string_view, size_t> num_changed;
    CountChanges(logical, num_changed);
    num_prefetched += num_changed["prefetch-lookups"];
  }
  EXPECT_GT(num_prefetched, 10u);
}

// Hints say how, never what.
TEST_F(EqualRowsTest, WithHintsWhereverTheyMayStand) {
  size_t num_hints = 0;
  for (uint32_t seed = 2000; seed < 2060; ++seed) {
    const RandomFlow flow = testing::MakeRandomFlow(seed);
    const testing::Compiled compiled = testing::Compile(testing::WithHints(flow.text, seed),
                                                        {.flow = "f", .params = {}, .without = {}});
    ASSERT_TRUE(compiled.result.physical) << compiled.Text();
    for (const engine::StageSpec& stage : compiled.result.physical->stages) {
      for (const engine::StepSpec& step : stage.steps) num_hints += step.hints.size();
    }
    const std::string gave = Run(*compiled.result.physical, flow.input);
    EXPECT_EQ(gave, Expected(flow, gave)) << flow.text;
  }
  EXPECT_GT(num_hints, 200u);
}

// A plan that went through a file is the same plan.
TEST_F(EqualRowsTest, OfAPlanReadBack) {
  for (uint32_t seed = 1000; seed < 1040; ++seed) {
    const RandomFlow flow = testing::MakeRandomFlow(seed);
    const testing::Compiled compiled =
        testing::Compile(flow.text, {.flow = "f", .params = {}, .without = {}});
    ASSERT_TRUE(compiled.result.physical) << compiled.Text();
    const engine::Result<engine::PhysicalPlan> plan =
        engine::PlanFromJson(engine::ToJson(*compiled.result.physical));
    ASSERT_TRUE(plan.ok()) << plan.error().Text();
    const std::string gave = Run(*plan, flow.input);
    EXPECT_EQ(gave, Expected(flow, gave)) << flow.text;
  }
}

}  // namespace
}  // namespace raceway::compiler
