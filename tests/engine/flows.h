#pragma once

#include <ATen/core/TensorBody.h>
#include <ATen/ops/add.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/engine.h"

/// Flows made of functions of the test: what the engine's tests run.
namespace raceway::engine::testing {

/// What a step does. The batch has one column, `x: i64`.
using Hook = std::function<Result<Batch>(Batch, RunContext&)>;
using MergeHook = std::function<Result<Batch>(std::span<Batch>, RunContext&)>;

inline Schema XSchema() { return Schema({{"x", {.dtype = DataType::kI64, .shape = {}}}}); }
inline const SchemaPtr& XSchemaPtr() {
  static const SchemaPtr schema = std::make_shared<const Schema>(XSchema());
  return schema;
}

inline Batch Rows(std::vector<int64_t> rows) {
  const auto num_rows = static_cast<int64_t>(rows.size());
  return Batch(XSchemaPtr(), {Column(at::tensor(rows, at::kLong))}, num_rows);
}
inline std::vector<int64_t> RowsOf(const Batch& batch) {
  const at::Tensor x = batch.column(0).dense().contiguous();
  return {x.const_data_ptr<int64_t>(), x.const_data_ptr<int64_t>() + x.numel()};
}
/// "1 2 3", or "failed: …".
inline std::string TextOf(const Result<Batch>& result) {
  if (!result) return std::string(NameOf(result.error().code)) + ": " + result.error().Text();
  std::string text;
  for (const int64_t x : RowsOf(*result)) text += (text.empty() ? "" : " ") + std::to_string(x);
  return text;
}

inline Hook Add(int64_t n) {
  return [n](Batch batch, RunContext&) -> Result<Batch> {
    return Batch(batch.schema(), {Column(at::add(batch.column(0).dense(), n))}, batch.num_rows(),
                 batch.row_ids());
  };
}
inline Hook Pass() {
  return [](Batch batch, RunContext&) -> Result<Batch> { return batch; };
}
/// All rows, those of the first input first.
inline MergeHook Concatenate() {
  return [](std::span<Batch> inputs, RunContext&) -> Result<Batch> {
    std::vector<int64_t> rows;
    for (const Batch& input : inputs) {
      for (const int64_t x : RowsOf(input)) rows.push_back(x);
    }
    return Rows(std::move(rows));
  };
}

/// Whether an answer is good.
using Judge = std::function<bool(int64_t)>;

/// One branch of a step: a stage of hooks, and a judge of what leaves it.
struct BranchOfHooks {
  std::string name;
  std::vector<Hook> hooks;
  Judge judge = nullptr;
  bool own_task = false;
};

/// A plan whose steps are hooks. The hooks live as long as the process: operators refer to them.
class FlowBuilder {
 public:
  explicit FlowBuilder(std::string name = "test") {
    plan_.flow = std::move(name);
    plan_.inputs = {{"rows", XSchema()}};
  }

  Port Then(Port input, Hook hook, bool own_task = false, bool row_wise = true) {
    return Fused(input, {std::move(hook)}, own_task, row_wise);
  }
  /// One stage of several steps.
  Port Fused(Port input, std::vector<Hook> hooks, bool own_task = false, bool row_wise = true) {
    StageSpec& stage = Add({input}, own_task);
    for (Hook& hook : hooks) {
      hooks_.push_back(std::move(hook));
      stage.steps.push_back(Step("hook", hooks_.size() - 1, 1));
      stage.steps.back().options.emplace_back("row_wise", row_wise);
    }
    return Last();
  }
  /// A step `guard` or `anyof`.
  Port Branch(Port input, std::string op, Value::Record options,
              std::vector<BranchOfHooks> branches) {
    StepSpec step;
    step.op = std::move(op);
    step.label = step.op;
    step.origin = "test.flow:2:2";
    step.options = std::move(options);
    step.outputs = {XSchema()};
    for (BranchOfHooks& branch : branches) step.branches.push_back(MakeBranch(std::move(branch)));
    Add({input}, false).steps.push_back(std::move(step));
    return Last();
  }
  Port Merge(std::vector<Port> inputs, MergeHook hook = Concatenate()) {
    merges_.push_back(std::move(hook));
    Add(std::move(inputs), false).steps.push_back(Step("merge", merges_.size() - 1, 1));
    return Last();
  }
  /// Rows with x % `ways` == i leave by output i.
  std::vector<Port> Split(Port input, int64_t ways) {
    Add({input}, false).steps.push_back(Step("deal", 0, static_cast<size_t>(ways)));
    std::vector<Port> ports(static_cast<size_t>(ways), Last());
    for (size_t i = 0; i < ports.size(); ++i) ports[i].output = static_cast<int32_t>(i);
    return ports;
  }
  PhysicalPlan Build() {
    plan_.results = {{"", Last(), {{"x", "x"}}}};
    return plan_;
  }

  static constexpr Port kInput = {-1, 0};
  static OperatorFactories Factories() {
    OperatorFactories factories;
    factories.Add("hook", &MakeHook);
    factories.Add("merge", &MakeMerge);
    factories.Add("deal", &MakeDeal);
    factories.Add("judge", &MakeJudge);
    return factories;
  }

 private:
  class HookOperator final : public Operator {
   public:
    HookOperator(const Hook& hook, bool is_row_wise) : hook_(hook), is_row_wise_(is_row_wise) {}
    Result<Batch> Run(Batch input, RunContext& context) const override {
      return hook_(std::move(input), context);
    }
    bool is_row_wise() const override { return is_row_wise_; }

   private:
    const Hook& hook_;
    bool is_row_wise_;
  };
  class HookMerger final : public Merger {
   public:
    explicit HookMerger(const MergeHook& hook) : hook_(hook) {}
    Result<Batch> Run(std::span<Batch> inputs, RunContext& context) const override {
      return hook_(inputs, context);
    }

   private:
    const MergeHook& hook_;
  };
  class Dealer final : public Splitter {
   public:
    Status Run(Batch input, std::span<Batch> outputs, RunContext&) const override {
      std::vector<std::vector<int64_t>> rows(outputs.size());
      for (const int64_t x : RowsOf(input)) rows[static_cast<size_t>(x) % rows.size()].push_back(x);
      for (size_t i = 0; i < rows.size(); ++i) outputs[i] = Rows(std::move(rows[i]));
      return Done{};
    }
  };

  /// Adds the column `good`.
  class JudgeOperator final : public Operator {
   public:
    JudgeOperator(const Judge& judge, SchemaPtr output)
        : judge_(judge), output_(std::move(output)) {}
    Result<Batch> Run(Batch input, RunContext&) const override {
      at::Tensor good = at::empty({input.num_rows()}, at::kBool);
      for (int64_t row = 0; row < input.num_rows(); ++row) {
        good.data_ptr<bool>()[row] = judge_(RowsOf(input)[static_cast<size_t>(row)]);
      }
      return Batch(output_, {input.column(0), Column(good)}, input.num_rows(), input.row_ids());
    }

   private:
    const Judge& judge_;
    SchemaPtr output_;
  };

  BranchSpec MakeBranch(BranchOfHooks branch) {
    BranchSpec spec;
    spec.name = branch.name;
    if (branch.hooks.empty()) {
      spec.output = kInput;
      return spec;
    }
    StageSpec stage;
    stage.name = "b" + std::to_string(num_branches_++);
    stage.inputs = {kInput};
    stage.own_task = branch.own_task;
    for (Hook& hook : branch.hooks) {
      hooks_.push_back(std::move(hook));
      stage.steps.push_back(Step("hook", hooks_.size() - 1, 1));
      stage.steps.back().options.emplace_back("row_wise", true);
    }
    if (branch.judge) {
      judges_.push_back(std::move(branch.judge));
      stage.steps.push_back(Step("judge", judges_.size() - 1, 0));
      stage.steps.back().results = {{"good", "good"}};
      stage.steps.back().outputs = {Schema({{"x", {.dtype = DataType::kI64, .shape = {}}},
                                            {"good", {.dtype = DataType::kBool, .shape = {}}}})};
      spec.accept = "good";
    }
    spec.output = {0, 0};
    spec.stages.push_back(std::move(stage));
    return spec;
  }

  static size_t IndexOf(const OperatorSpec& spec) {
    return static_cast<size_t>(*spec.step.options.at(0).second.AsInt());
  }
  static Result<AnyOperator> MakeHook(const OperatorSpec& spec) {
    const bool is_row_wise = *spec.step.options.at(1).second.AsBool();
    return AnyOperator(std::make_unique<HookOperator>(hooks_[IndexOf(spec)], is_row_wise));
  }
  static Result<AnyOperator> MakeMerge(const OperatorSpec& spec) {
    return AnyOperator(std::make_unique<HookMerger>(merges_[IndexOf(spec)]));
  }
  static Result<AnyOperator> MakeJudge(const OperatorSpec& spec) {
    return AnyOperator(std::make_unique<JudgeOperator>(judges_[IndexOf(spec)], spec.outputs[0]));
  }
  static Result<AnyOperator> MakeDeal(const OperatorSpec&) {
    return AnyOperator(std::make_unique<Dealer>());
  }

  static StepSpec Step(std::string op, size_t hook, size_t num_outputs) {
    StepSpec step;
    step.label = op + " " + std::to_string(hook);
    step.op = std::move(op);
    step.origin = "test.flow:1:1";
    step.options = {{"hook", static_cast<int64_t>(hook)}};
    step.outputs.assign(num_outputs, XSchema());
    return step;
  }
  StageSpec& Add(std::vector<Port> inputs, bool own_task) {
    StageSpec stage;
    stage.name = "s" + std::to_string(plan_.stages.size());
    stage.inputs = std::move(inputs);
    stage.own_task = own_task;
    return plan_.stages.emplace_back(std::move(stage));
  }
  Port Last() const { return {static_cast<int32_t>(plan_.stages.size()) - 1, 0}; }

  inline static std::deque<Hook> hooks_;
  inline static std::deque<MergeHook> merges_;
  inline static std::deque<Judge> judges_;
  int num_branches_ = 0;
  PhysicalPlan plan_;
};

/// A clock that stands until it is moved.
class FakeClock final : public Clock {
 public:
  TimePoint Now() const override { return TimePoint(std::chrono::nanoseconds(now_.load())); }
  void Advance(std::chrono::nanoseconds by) { now_ += by.count(); }

 private:
  std::atomic<int64_t> now_ = 1'000'000'000;
};

}  // namespace raceway::engine::testing
