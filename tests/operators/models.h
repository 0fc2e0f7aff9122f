#pragma once

#include <gtest/gtest.h>
#include <torch/script.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/operators/steps.h"

namespace raceway::operators::testing {

/// A model file and steps that run it.
class ModelTest : public ::testing::Test {
 protected:
  /// Writes m.pt.
  void Save(const std::string& forward, const std::string& name = "m.pt") {
    torch::jit::Module module("m");
    module.register_parameter("weight", at::tensor(std::vector<double>{2.0}).to(at::kFloat), false);
    module.register_buffer("calls", at::tensor(std::vector<int64_t>{0}));
    module.register_attribute("training", c10::BoolType::get(), true);
    module.define(forward);
    module.save((folder_.path() / name).string());
  }

  StepSpec Step(const std::vector<std::string>& parameters,
                const std::vector<std::pair<std::string, std::string>>& results) {
    StepSpec step;
    step.op = "model";
    step.label = "map(small)";
    step.options = {{"source", "m.pt"}, {"sha256", "1"}, {"threads", int64_t{0}}};
    for (const std::string& parameter : parameters)
      step.arguments.push_back({parameter, parameter});
    for (const auto& [name, type] : results) step.results.push_back({name, name});
    step.outputs = {*S(results)};
    return step;
  }

  std::string RunText(const StepSpec& step, const Batch& rows) {
    return Text(RunStep(step, rows, folder_.path()));
  }
  std::string RowByRowText(const StepSpec& step, const Batch& rows) {
    return TextRowByRow(step, rows, folder_.path());
  }

  TempFolder folder_;
  const Batch rows_ = MakeBatch(S({{"x", "f32[2]"}}), {Vectors({{1, 2}, {3, 4}, {5, 6}})});
  const StepSpec doubling_ = Step({"x"}, {{"y", "f32[2]"}});
};

}  // namespace raceway::operators::testing
