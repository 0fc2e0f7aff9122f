#include "operators/dry_run.h"

#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/data/column.h"
#include "engine/data/text_tensor.h"
#include "engine/load/weight_gate.h"
#include "operators/models/device.h"
#include "operators/models/inputs.h"
#include "operators/models/model_file.h"
#include "operators/models/outputs.h"

namespace raceway::operators {
namespace {

using engine::Column;
using engine::DryRun;
using engine::DryRunAnswer;
using engine::DryRunModel;
using engine::DryRunOutput;
using engine::DryRunTrial;
using engine::Result;

/// Numbers that are 0, texts that are empty.
Column Zeros(const engine::Type& type, int64_t num_rows) {
  std::vector<int64_t> sizes;
  sizes.reserve(type.shape.size() + 1);
  for (const engine::Dim& dim : type.shape) sizes.push_back(dim.size);
  if (!engine::IsText(type.dtype)) {
    sizes.insert(sizes.begin(), num_rows);
    return at::zeros(sizes, at::TensorOptions().dtype(engine::ScalarTypeOf(type.dtype)));
  }
  std::string row;
  if (!sizes.empty()) {
    int64_t count = 1;
    for (const int64_t size : sizes) count *= size;
    engine::Pack(sizes, std::vector<std::string_view>(static_cast<size_t>(count)), row);
  }
  return engine::TextColumn::Repeat(row, num_rows);
}

/// `place` is where it is in the answer, if it has no name.
DryRunOutput Describe(const AnswerPart& part, size_t place, const DryRunModel& model, bool casts) {
  DryRunOutput output;
  output.name = part.name;
  engine::Type declared;
  for (size_t i = 0; i < model.results.size(); ++i) {
    const bool is_it = part.name.empty() ? i == place : model.results[i].name == part.name;
    if (is_it) declared = model.results[i].type;
  }
  const Result<Column> column = ColumnOf(part, declared, casts);
  if (!column) {
    output.other = part.value.isTensor() ? "a tensor that " + column.error().message
                                         : part.value.type()->annotation_str();
  } else if (column->is_text()) {
    output.dtype = engine::DataType::kString;
    output.sizes = {column->num_rows()};
    if (!part.rows.empty() && part.rows.front().isList()) {
      output.sizes.push_back(static_cast<int64_t>(part.rows.front().toListRef().size()));
    }
  } else if (column->is_dense()) {
    output.dtype = engine::DataTypeOf(column->dense().scalar_type());
    output.sizes = column->dense().sizes().vec();
  } else {
    const at::Tensor& first = column->ragged().front();
    output.dtype = engine::DataTypeOf(first.scalar_type());
    output.sizes = first.sizes().vec();
    output.sizes.insert(output.sizes.begin(), column->num_rows());
  }
  return output;
}

DryRunAnswer Failed(const std::string& why) {
  DryRunAnswer failed;
  failed.error = why;
  return failed;
}

DryRunAnswer RunTrial(const LoadedModel& model, const ModelOptions& options,
                      const DryRunModel& declared, const DryRunTrial& trial) {
  const Padding& padding = options.padding;
  const c10::InferenceMode inference;
  try {
    std::vector<Column> args;
    args.reserve(trial.inputs.size());
    const int64_t num_rows = std::min(trial.num_rows, model.max_rows());
    for (const engine::Type& type : trial.inputs) args.push_back(Zeros(type, num_rows));
    std::vector<int64_t> lengths;
    if (padding.is_on()) {
      const Result<std::vector<int64_t>> found = LengthsOf(args, padding, num_rows);
      if (!found) return Failed(found.error().message);
      lengths = *found;
    }
    const Result<std::vector<AnswerPart>> parts =
        PartsOf(model.Call(InputsOf(args, model.parameters(), padding, lengths, false),
                           engine::CancelToken()),
                declared.results.size());
    if (!parts) return Failed(parts.error().message);
    DryRunAnswer answer;
    for (const AnswerPart& part : *parts) {
      answer.is_dictionary |= !part.name.empty();
      answer.outputs.push_back(
          Describe(part, answer.outputs.size(), declared, options.dtype.has_value()));
      // The others would come out of more calls.
      std::vector<int64_t>& sizes = answer.outputs.back().sizes;
      if (!sizes.empty() && sizes.front() == num_rows) sizes.front() = trial.num_rows;
    }
    return answer;
  } catch (const engine::load::WeightMissing& missing) {
    return Failed(missing.error.message);
  } catch (const std::exception& exception) {
    return Failed(OneLine(exception.what()));
  }
}

/// Where the flow wants it; a model can be tried on the CPU as well where there is no such device.
std::string DeviceOf(const ModelOptions& options) {
  const Result<std::string> device = FirstDevice(options.devices);
  return device ? *device : "cpu";
}

}  // namespace

Result<DryRun> RunOnZeros(const std::filesystem::path& folder, const DryRunModel& model,
                          std::span<const DryRunTrial> trials) {
  engine::Value::Record settings = model.settings;
  settings.emplace_back("source", model.path);
  const Result<ModelOptions> options = ReadModelOptions(settings, "");
  if (!options) return options.error();
  const Result<std::shared_ptr<const LoadedModel>> loaded =
      LoadModel(folder, *options, DeviceOf(*options));
  if (!loaded) return loaded.error();
  const std::vector<ModelParameter>& parameters = (*loaded)->parameters();
  const auto num_optional = static_cast<size_t>(std::count_if(
      parameters.begin(), parameters.end(), [](const auto& one) { return one.has_default; }));
  DryRun run;
  run.max_inputs = parameters.size();
  run.min_inputs = run.max_inputs - std::min(run.max_inputs, num_optional);
  const size_t num_inputs = model.inputs.size();
  const bool fits = run.min_inputs <= num_inputs && num_inputs <= run.max_inputs;
  if (!fits && !options->padding.is_on()) return run;
  std::vector<engine::Field> given = model.inputs;
  if (options->padding.is_on()) given.push_back(MaskField());
  if (const engine::Status taken = (*loaded)->CheckInputs(given); !taken) {
    run.misfit = taken.error().message;
    return run;
  }
  run.answers.reserve(trials.size());
  for (const DryRunTrial& trial : trials) {
    run.answers.push_back(RunTrial(**loaded, *options, model, trial));
  }
  return run;
}

}  // namespace raceway::operators
