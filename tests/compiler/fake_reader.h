#pragma once

#include <span>
#include <string>

#include "compiler/models/model_reader.h"

/// Model files of a test, by their names.
namespace raceway::compiler::testing {

/// `torn.pt` is no model, `endless.pt` never ends, `picky.pt` throws; every other one answers each
/// row with `f32[5]`, whatever it gets.
class FakeReader final : public ModelReader {
 public:
  engine::Result<engine::DryRun> RunOnZeros(const engine::DryRunModel& model,
                                            std::span<const engine::DryRunTrial> trials) override {
    const std::string& path = model.path;
    if (path == "torn.pt") {
      return engine::Error{
          engine::ErrorCode::kInvalidArgument,
          "model file torn.pt is no TorchScript: failed finding central directory"};
    }
    if (path == "endless.pt") {
      return engine::Error{engine::ErrorCode::kDeadlineExceeded,
                           "`endless.pt` was not done after 30 seconds on zeros"};
    }
    engine::DryRun run{1, 1, {}, {}};
    for (const engine::DryRunTrial& trial : trials) {
      if (trial.inputs.size() != 1) return engine::DryRun{1, 1, {}, {}};
      engine::DryRunAnswer answer{"", false, {{"", "", engine::DataType::kF32, {}}}};
      answer.outputs.front().sizes = {trial.num_rows, 5};
      if (path == "picky.pt") answer = {"mat1 and mat2 shapes cannot be multiplied", false, {}};
      run.answers.push_back(answer);
    }
    return run;
  }
};

}  // namespace raceway::compiler::testing
