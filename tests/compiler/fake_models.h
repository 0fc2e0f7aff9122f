#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/operator.h"
#include "operators/register_all.h"

/// Models that are functions of a test.
namespace raceway::compiler::testing {

/// One column for each result, from one for each parameter.
using FakeModel = std::function<engine::Result<std::vector<engine::Column>>(
    std::span<const engine::Column> args, const engine::Batch& rows, engine::RunContext& context)>;

/// By the file that the flow names.
using FakeModels = std::map<std::string, FakeModel>;

class FakeModelOperator final : public engine::Operator {
 public:
  FakeModelOperator(const FakeModel& model, std::vector<size_t> args, engine::Layout layout)
      : model_(model), args_(std::move(args)), layout_(std::move(layout)) {}

  engine::Result<engine::Batch> Run(engine::Batch input,
                                    engine::RunContext& context) const override {
    std::vector<engine::Column> args;
    for (const size_t arg : args_) args.push_back(input.column(arg));
    engine::Result<std::vector<engine::Column>> results = model_(args, input, context);
    if (!results) return std::move(results).error();
    return layout_.SameRows(input, *std::move(results));
  }

  static FakeModels& Models() {
    static FakeModels models;
    return models;
  }

  static engine::Result<engine::AnyOperator> Make(const engine::OperatorSpec& spec) {
    const engine::Value options(spec.step.options);
    const auto model = Models().find(*options.Find("source")->AsString());
    if (model == Models().end()) {
      return engine::Error{engine::ErrorCode::kUnavailable, "no such fake model"};
    }
    std::vector<size_t> args;
    for (const auto& [parameter, column] : spec.step.arguments) {
      args.push_back(*spec.inputs[0]->IndexOf(column));
    }
    std::vector<std::string> defined;
    for (const auto& [result, column] : spec.step.results) defined.push_back(column);
    engine::Result<engine::Layout> layout =
        engine::Layout::Make(*spec.inputs[0], spec.outputs[0], defined);
    if (!layout) return std::move(layout).error();
    return engine::AnyOperator(
        std::make_unique<FakeModelOperator>(model->second, std::move(args), *std::move(layout)));
  }

 private:
  const FakeModel& model_;
  std::vector<size_t> args_;
  engine::Layout layout_;
};

/// All operators, with `models` in place of files. `models` are the process's from now on.
inline engine::OperatorFactories FactoriesWith(FakeModels models) {
  FakeModelOperator::Models() = std::move(models);
  engine::OperatorFactories factories;
  factories.Add("model", &FakeModelOperator::Make);
  operators::RegisterAll(factories);
  return factories;
}

}  // namespace raceway::compiler::testing
