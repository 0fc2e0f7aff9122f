#include "operators/dry_run.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/jit/runtime/graph_executor.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "engine/data/column.h"
#include "operators/model_file.h"

namespace raceway::operators {
namespace {

using engine::DryRun;
using engine::DryRunAnswer;
using engine::DryRunOutput;
using engine::DryRunTrial;
using engine::Result;

at::Tensor Zeros(const engine::Type& type, int64_t num_rows) {
  std::vector<int64_t> sizes;
  sizes.reserve(type.shape.size() + 1);
  sizes.push_back(num_rows);
  for (const engine::Dim& dim : type.shape) sizes.push_back(dim.size);
  return at::zeros(sizes, at::TensorOptions().dtype(engine::ScalarTypeOf(type.dtype)));
}

DryRunOutput Describe(const c10::IValue& value, std::string name) {
  DryRunOutput output;
  output.name = std::move(name);
  if (!value.isTensor()) {
    output.other = value.type()->annotation_str();
    return output;
  }
  const at::Tensor& tensor = value.toTensor();
  output.dtype = engine::DataTypeOf(tensor.scalar_type());
  output.sizes = tensor.sizes().vec();
  return output;
}

DryRunAnswer Describe(const c10::IValue& value) {
  DryRunAnswer answer;
  if (value.isTuple()) {
    for (const c10::IValue& element : value.toTupleRef().elements()) {
      answer.outputs.push_back(Describe(element, ""));
    }
  } else if (value.isGenericDict() &&
             value.toGenericDict().keyType()->kind() == c10::TypeKind::StringType) {
    answer.is_dictionary = true;
    for (const auto& entry : value.toGenericDict()) {
      answer.outputs.push_back(Describe(entry.value(), entry.key().toStringRef()));
    }
  } else {
    answer.outputs.push_back(Describe(value, ""));
  }
  return answer;
}

DryRunAnswer RunTrial(const ModelFile& file, const DryRunTrial& trial) {
  const c10::InferenceMode inference;
  const torch::jit::GraphOptimizerEnabledGuard optimiser(false);  // as when the flow runs
  try {
    std::vector<c10::IValue> inputs;
    inputs.reserve(trial.inputs.size());
    for (const engine::Type& type : trial.inputs) inputs.emplace_back(Zeros(type, trial.num_rows));
    torch::jit::Module module = file.module;  // a handle; `forward` is not const
    return Describe(module.forward(std::move(inputs)));
  } catch (const std::exception& exception) {
    DryRunAnswer failed;
    failed.error = OneLine(exception.what());
    return failed;
  }
}

}  // namespace

Result<DryRun> RunOnZeros(const std::filesystem::path& path, const std::string& shown,
                          std::span<const DryRunTrial> trials) {
  const Result<std::shared_ptr<const ModelFile>> loaded = LoadModel(path, shown);
  if (!loaded.ok()) return loaded.error();
  const ModelFile& file = **loaded;
  DryRun run;
  run.max_inputs = file.num_inputs;
  run.min_inputs = file.num_inputs - std::min(file.num_inputs, file.num_optional_inputs);
  const auto is_taken = [&](const DryRunTrial& trial) {
    return run.min_inputs <= trial.inputs.size() && trial.inputs.size() <= run.max_inputs;
  };
  if (!std::all_of(trials.begin(), trials.end(), is_taken)) return run;
  run.answers.reserve(trials.size());
  for (const DryRunTrial& trial : trials) run.answers.push_back(RunTrial(file, trial));
  return run;
}

}  // namespace raceway::operators
