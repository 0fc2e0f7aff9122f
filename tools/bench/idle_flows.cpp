#include "tools/bench/idle_flows.h"

#include <ATen/ops/zeros.h>

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace raceway::bench {
namespace {

using engine::Batch;
using engine::Port;
using engine::Result;

class Pass final : public engine::Operator {
 public:
  Result<Batch> Run(Batch input, engine::RunContext&) const override { return input; }
};

class TakeFirst final : public engine::Merger {
 public:
  Result<Batch> Run(std::span<Batch> inputs, engine::RunContext&) const override {
    return std::move(inputs[0]);
  }
};

/// What a person would write who needs no engine.
class Loop final : public engine::Operator {
 public:
  explicit Loop(int64_t num_calls) {
    for (int64_t i = 0; i < num_calls; ++i) operators_.push_back(std::make_unique<Pass>());
  }
  Result<Batch> Run(Batch input, engine::RunContext& context) const override {
    for (const std::unique_ptr<engine::Operator>& op : operators_) {
      Result<Batch> result = op->Run(std::move(input), context);
      if (!result) return result;
      input = *std::move(result);
    }
    return input;
  }

 private:
  std::vector<std::unique_ptr<engine::Operator>> operators_;
};

const engine::Schema& Payload() {
  static const engine::Schema schema({{"payload", engine::TypeFromString("u8[N]").value()}});
  return schema;
}

class PlanBuilder {
 public:
  PlanBuilder() {
    plan_.flow = "idle";
    plan_.inputs = {{"rows", Payload()}};
    plan_.results = {{"", {}, {{"payload", "payload"}}}};
  }

  Port Add(std::vector<std::string> ops, std::vector<Port> inputs, bool own_task = false) {
    engine::StageSpec& stage = plan_.stages.emplace_back();
    stage.name = "s" + std::to_string(plan_.stages.size());
    stage.inputs = std::move(inputs);
    stage.own_task = own_task;
    for (std::string& op : ops) {
      engine::StepSpec& step = stage.steps.emplace_back();
      step.label = step.op = std::move(op);
      step.outputs = {Payload()};
    }
    return plan_.results.front().output = {static_cast<int32_t>(plan_.stages.size()) - 1, 0};
  }
  engine::StepSpec& last_step() { return plan_.stages.back().steps.back(); }
  const engine::PhysicalPlan& plan() const { return plan_; }

 private:
  engine::PhysicalPlan plan_;
};

}  // namespace

engine::OperatorFactories IdleFactories() {
  using engine::AnyOperator;
  using engine::OperatorSpec;
  engine::OperatorFactories factories;
  factories.Add("pass", [](const OperatorSpec&) -> Result<AnyOperator> {
    return AnyOperator(std::make_unique<Pass>());
  });
  factories.Add("first", [](const OperatorSpec&) -> Result<AnyOperator> {
    return AnyOperator(std::make_unique<TakeFirst>());
  });
  factories.Add("loop", [](const OperatorSpec& spec) -> Result<AnyOperator> {
    return AnyOperator(std::make_unique<Loop>(*spec.step.options.at(0).second.AsInt()));
  });
  return factories;
}

Batch IdleBatch(int64_t num_bytes) {
  return Batch(std::make_shared<const engine::Schema>(Payload()),
               {engine::Column(at::zeros({1, num_bytes}, at::kByte))}, 1);
}

engine::PhysicalPlan Chain(int num_stages) {
  PlanBuilder builder;
  Port port;
  for (int i = 0; i < num_stages; ++i) port = builder.Add({"pass"}, {port});
  return builder.plan();
}

engine::PhysicalPlan Fused(int num_steps) {
  PlanBuilder builder;
  builder.Add(std::vector<std::string>(static_cast<size_t>(num_steps), "pass"), {Port{}});
  return builder.plan();
}

engine::PhysicalPlan Looped(int num_calls) {
  PlanBuilder builder;
  builder.Add({"loop"}, {Port{}});
  builder.last_step().options = {{"calls", static_cast<int64_t>(num_calls)}};
  return builder.plan();
}

engine::PhysicalPlan Fan(int num_branches, bool tasks) {
  PlanBuilder builder;
  const Port top = builder.Add({"pass"}, {Port{}});
  std::vector<Port> branches;
  for (int i = 0; i < num_branches; ++i) branches.push_back(builder.Add({"pass"}, {top}, tasks));
  builder.Add({"first"}, std::move(branches));
  return builder.plan();
}

}  // namespace raceway::bench
