// How fast are the operators on rows?
//
// A million rows with an integer key, a float, a short text and a vector of 16 floats, one thread,
// each operator against what one would write with LibTorch's own kernels for the columns that are
// tensors (the text goes with the rows on our side only).

#include <ATen/Parallel.h>
#include <ATen/ops/_unique2.h>
#include <ATen/ops/argsort.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/nonzero.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randperm.h>
#include <ATen/ops/searchsorted.h>
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>

#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/operator.h"
#include "operators/register_all.h"
#include "tools/bench/report.h"

namespace raceway::bench {
namespace {

using engine::Batch;
using engine::Column;
using engine::Expression;
using engine::Result;
using engine::Schema;
using engine::SchemaPtr;
using engine::StepSpec;

constexpr int64_t kGroups = 1000;

engine::Type T(std::string_view text) { return engine::TypeFromString(text).value(); }

SchemaPtr Rows() {
  static const auto schema = std::make_shared<const Schema>(std::vector<engine::Field>{
      {"key", T("i64")}, {"x", T("f32")}, {"name", T("string")}, {"v", T("f32[16]")}});
  return schema;
}

Batch MakeRows(int64_t num_rows, const at::Tensor& keys) {
  engine::TextBuilder names(num_rows, static_cast<size_t>(num_rows) * 8);
  for (int64_t row = 0; row < num_rows; ++row) names.Append("row" + std::to_string(row));
  return Batch(Rows(),
               {Column(keys), Column(at::rand({num_rows})), Column(std::move(names).Build()),
                Column(at::rand({num_rows, 16}))},
               num_rows);
}

/// An operator, made as a plan would.
engine::AnyOperator Make(const StepSpec& step, std::vector<SchemaPtr> inputs) {
  engine::OperatorFactories factories;
  operators::RegisterAll(factories);
  const auto output = std::make_shared<const Schema>(step.outputs.front());
  const std::filesystem::path here = ".";
  Result<engine::AnyOperator> op =
      factories.Find(step.op)({step, std::move(inputs), {output}, "cpu", here});
  if (op) return *std::move(op);
  std::cerr << "relational: " << op.error().Text() << "\n";
  std::exit(1);
}

/// Milliseconds of one run over `inputs`.
double RunOnce(const engine::AnyOperator& op, std::vector<Batch> inputs) {
  static const engine::CancelToken cancel;
  static const engine::SteadyClock clock;
  engine::RunContext context{cancel, clock};
  const double nanoseconds = NanosecondsPer(1, [&] {
    const auto* plain = std::get_if<std::unique_ptr<engine::Operator>>(&op);
    const Result<Batch> rows =
        plain != nullptr ? (*plain)->Run(inputs[0], context)
                         : std::get<std::unique_ptr<engine::Merger>>(op)->Run(inputs, context);
    if (!rows) {
      std::cerr << "relational: " << rows.error().Text() << "\n";
      std::exit(1);
    }
  });
  return nanoseconds / 1e6;
}

double Milliseconds(const std::function<void()>& work) { return NanosecondsPer(1, work) / 1e6; }

StepSpec Step(std::string op, Schema output) {
  StepSpec step;
  step.label = step.op = std::move(op);
  step.outputs = {std::move(output)};
  return step;
}

at::Tensor Pick(const at::Tensor& tensor, const at::Tensor& rows) {
  return at::index_select(tensor, 0, rows);
}

class Measurement {
 public:
  explicit Measurement(const Options& options) : options_(options) {}

  void Add(const std::string& name, const std::function<double()>& ours,
           const std::function<void()>& raw, const std::string& raw_name) {
    const auto values =
        Interleave(options_.quick ? 5 : 15, {ours, [&] { return Milliseconds(raw); }});
    metrics_.push_back({.name = name,
                        .unit = "ms",
                        .values = values[0],
                        .baselines = values[1],
                        .baseline_name = raw_name});
  }
  void Print() const { bench::Print("relational", metrics_, options_); }

 private:
  const Options& options_;
  std::vector<Metric> metrics_;
};

void MeasureFilter(Measurement& measurement, const Batch& rows) {
  StepSpec step = Step("filter", *Rows());
  step.expressions = {
      {"where", Expression::Call(
                    "lt", {Expression::Column("x", T("f32")), Expression::Constant(0.5, T("f32"))},
                    T("bool"))}};
  const engine::AnyOperator filter = Make(step, {Rows()});
  measurement.Add(
      "filter_half", [&] { return RunOnce(filter, {rows}); },
      [&] {
        const at::Tensor kept = at::nonzero(rows.column(1).dense().lt(0.5)).squeeze(1);
        for (const size_t column : {0, 1, 3}) Pick(rows.column(column).dense(), kept);
      },
      "nonzero, index_select");
}

void MeasureSort(Measurement& measurement, const Batch& rows) {
  StepSpec step = Step("sort", *Rows());
  step.expressions = {{"ascending", Expression::Column("x", T("f32"))}};
  const engine::AnyOperator sort = Make(step, {Rows()});
  measurement.Add(
      "sort", [&] { return RunOnce(sort, {rows}); },
      [&] {
        const at::Tensor order = at::argsort(rows.column(1).dense(), true, 0, false);
        for (const size_t column : {0, 1, 3}) Pick(rows.column(column).dense(), order);
      },
      "argsort, index_select");
}

engine::Value::Record How(const char* function) {
  return {{"function", engine::Value(std::string(function))}};
}

void MeasureGroups(Measurement& measurement, const std::string& name, const Batch& rows) {
  const Schema output({{"key", T("i64")}, {"total", T("f32")}, {"n", T("i64")}});
  StepSpec step = Step("agg", output);
  step.arguments = {{"", "key"}, {"total", "x"}};
  step.results = {{"total", "total"}, {"n", "n"}};
  step.options = {{"total", engine::Value(How("sum"))}, {"n", engine::Value(How("count"))}};
  const engine::AnyOperator agg = Make(step, {Rows()});
  measurement.Add(
      name, [&] { return RunOnce(agg, {rows}); },
      [&] {
        const auto [keys, group, counts] = at::_unique2(rows.column(0).dense(), true, true, true);
        at::zeros({keys.size(0)}).index_add_(0, group, rows.column(1).dense());
      },
      "unique, index_add");
}

void MeasureJoin(Measurement& measurement, const Batch& left, const Batch& right) {
  const auto right_schema = std::make_shared<const Schema>(
      std::vector<engine::Field>{{"rkey", T("i64")}, {"price", T("f32")}});
  const Batch prices(right_schema, {right.column(0), right.column(1)}, right.num_rows());
  std::vector<engine::Field> fields = Rows()->fields();
  fields.push_back({"price", T("f32")});
  StepSpec step = Step("join", Schema(fields));
  step.arguments = {{"left", "key"}, {"right", "rkey"}};
  step.results = {{"price", "price"}};
  const engine::AnyOperator join = Make(step, {Rows(), right_schema});
  measurement.Add(
      "join_by_key",
      [&] {
        return RunOnce(join, {left, prices});
      },
      [&] {
        const at::Tensor order = at::argsort(prices.column(0).dense());
        const at::Tensor sorted = Pick(prices.column(0).dense(), order);
        const at::Tensor places = at::searchsorted(sorted, left.column(0).dense());
        for (const size_t column : {0, 1, 3}) left.column(column).dense().clone();
        Pick(prices.column(1).dense(), Pick(order, places));
      },
      "searchsorted, index_select");
}

int Main(int argc, char** argv) {
  const Options options = ParseOptions(argc, argv, "relational: how fast operators on rows are");
  at::set_num_threads(1);
  const c10::InferenceMode inference;
  const int64_t num_rows = options.quick ? 200'000 : 1'000'000;
  const Batch rows = MakeRows(num_rows, at::randint(kGroups, {num_rows}, at::kLong));
  const int64_t num_keys = num_rows / 10;
  const Batch left = MakeRows(num_rows, at::randint(num_keys, {num_rows}, at::kLong));
  const Batch right = MakeRows(num_keys, at::randperm(num_keys));

  Measurement measurement(options);
  MeasureFilter(measurement, rows);
  MeasureSort(measurement, rows);
  MeasureGroups(measurement, "group_by_1000", rows);
  MeasureGroups(measurement, "group_by_many", left);
  MeasureJoin(measurement, left, right);
  measurement.Print();
  return 0;
}

}  // namespace
}  // namespace raceway::bench

int main(int argc, char** argv) { return raceway::bench::Main(argc, argv); }
