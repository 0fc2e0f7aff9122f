#include "operators/model.h"

#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/data/symbols.h"
#include "engine/gate.h"
#include "engine/load/weight_gate.h"
#include "operators/models/inputs.h"
#include "operators/models/instances.h"
#include "operators/models/intra_op_threads.h"
#include "operators/models/model_file.h"
#include "operators/models/outputs.h"
#include "operators/row_errors.h"

namespace raceway::operators {
namespace {

using engine::Batch;
using engine::Column;
using engine::Error;
using engine::ErrorCode;
using engine::Layout;
using engine::Result;
using engine::Status;
using engine::Type;

// --- a run ---

class Model final : public engine::Operator {
 public:
  Model(ModelOptions options, std::shared_ptr<const LoadedModel> model,
        std::shared_ptr<engine::CallSlots> slots, std::vector<size_t> arguments,
        std::vector<Outcome> outcomes, std::vector<engine::Field> fields, Layout layout)
      : options_(std::move(options)),
        model_(std::move(model)),
        slots_(std::move(slots)),
        arguments_(std::move(arguments)),
        outcomes_(std::move(outcomes)),
        fields_(std::move(fields)),
        layout_(std::move(layout)),
        has_gate_(engine::InstallOperatorGate().ok()) {}

  Result<Batch> Run(Batch input, engine::RunContext& context) const override {
    if (input.num_rows() == 0) return Batch::Empty(layout_.output());
    std::vector<Column> args;
    args.reserve(arguments_.size());
    for (const size_t argument : arguments_) args.push_back(input.column(argument));
    const std::vector<std::vector<int64_t>> calls = RowsByCall(
        args, model_->parameters(), options_.padding, input.num_rows(), model_->max_rows());
    Result<std::vector<Column>> results = calls.empty()
                                              ? Call(args, input.num_rows(), context)
                                              : CallEach(args, calls, input.num_rows(), context);
    if (!results) return WithRowId(std::move(results).error(), input);
    if (Status checked = CheckSizes(std::move(args), *results); !checked) {
      return WithRowId(std::move(checked).error(), input);
    }
    return layout_.SameRows(input, std::move(*results));
  }

 private:
  Error Named(Error error) const {
    error.message.insert(0, "model " + options_.name + ": ");
    return error;
  }

  /// What several results, or arguments and results, say of their dimensions.
  Status CheckSizes(std::vector<Column> columns, const std::vector<Column>& results) const {
    columns.insert(columns.end(), results.begin(), results.end());
    Status checked = engine::CheckSymbols(fields_, columns);
    if (!checked) {
      checked.error().code = ErrorCode::kFailed;
      checked.error() = Named(std::move(checked.error()));
    }
    return checked;
  }

  Result<std::vector<Column>> CallEach(std::span<const Column> args,
                                       const std::vector<std::vector<int64_t>>& calls,
                                       int64_t num_rows, engine::RunContext& context) const {
    std::vector<std::vector<Column>> parts(outcomes_.size());  // of each outcome, one a call
    std::vector<std::pair<int32_t, int64_t>> from(static_cast<size_t>(num_rows));
    int32_t call = 0;
    for (const std::vector<int64_t>& rows : calls) {
      if (const auto stop = context.cancel.Check()) return StopError(*stop);
      std::vector<Column> taken;
      taken.reserve(args.size());
      for (const Column& arg : args) taken.push_back(arg.Take(rows));
      Result<std::vector<Column>> results = Call(taken, static_cast<int64_t>(rows.size()), context);
      if (!results) {
        int64_t& row = results.error().row_id;
        if (rows.size() == 1) row = 0;
        if (row >= 0) row = rows[static_cast<size_t>(row)];
        return results;
      }
      for (size_t i = 0; i < parts.size(); ++i) parts[i].push_back(std::move((*results)[i]));
      for (size_t i = 0; i < rows.size(); ++i) {
        from[static_cast<size_t>(rows[i])] = {call, static_cast<int64_t>(i)};
      }
      ++call;
    }
    std::vector<Column> results;
    results.reserve(parts.size());
    for (size_t i = 0; i < parts.size(); ++i) {
      const bool is_read = !outcomes_[i].declared.is_unknown();
      results.push_back(is_read ? Column::Gather(parts[i], from) : Column());
    }
    return results;
  }

  /// Rows that go into one call.
  Result<std::vector<Column>> Call(std::span<const Column> args, int64_t num_rows,
                                   engine::RunContext& context) const {
    const c10::InferenceMode inference;
    const IntraOpThreads threads(options_.num_threads);
    std::vector<int64_t> lengths;
    if (options_.padding.is_on()) {
      Result<std::vector<int64_t>> found = LengthsOf(args, options_.padding, num_rows);
      if (!found) return Named(std::move(found).error());
      lengths = *std::move(found);
    }
    std::optional<engine::CallSlot> slot;
    engine::CancelGate gate(context.cancel);
    std::optional<engine::GateScope> scope;
    c10::IValue answer;
    try {
      if (slots_ != nullptr) slot.emplace(*slots_, context.cancel);
      std::vector<c10::IValue> inputs =
          InputsOf(args, model_->parameters(), options_.padding, lengths, model_->writes_inputs());
      if (has_gate_ && context.cancel.may_stop()) scope.emplace(gate);
      answer = model_->Call(std::move(inputs), context.cancel);
      scope.reset();
    } catch (const engine::Stopped& stopped) {
      return StopError(stopped.code);
    } catch (const engine::load::WeightMissing& missing) {
      return Named(missing.error);
    } catch (const std::exception& exception) {
      // Compiled code makes an error of its own of what the gate throws.
      if (const auto stop = context.cancel.Check()) return StopError(*stop);
      return Named({ErrorCode::kFailed, OneLine(exception.what())});
    }
    Result<std::vector<Column>> results =
        ColumnsOf(answer, outcomes_, num_rows, options_.dtype.has_value());
    if (!results) return Named(std::move(results).error());
    if (lengths.empty()) return results;
    Status cut = CutPadding(*results, outcomes_, options_.padding, lengths);
    if (!cut) return Named(std::move(cut).error());
    return results;
  }

  ModelOptions options_;
  std::shared_ptr<const LoadedModel> model_;
  std::shared_ptr<engine::CallSlots> slots_;  // null: any number of calls may run at once
  std::vector<size_t> arguments_;             // columns of the input
  std::vector<Outcome> outcomes_;
  std::vector<engine::Field> fields_;  // of the arguments, then of the outcomes
  Layout layout_;
  bool has_gate_;  // else a run cannot be stopped before its end
};

// --- making it ---

Result<std::vector<size_t>> FindArguments(const engine::OperatorSpec& spec,
                                          const std::string& name) {
  std::vector<size_t> arguments;
  for (const auto& [parameter, column] : spec.step.arguments) {
    const std::optional<size_t> index = spec.inputs[0]->IndexOf(column);
    if (!index) {
      return Error{ErrorCode::kInvalidArgument, "model " + name + ": no column `" + column +
                                                    "` in " + ToString(*spec.inputs[0])};
    }
    if ((*spec.inputs[0])[*index].type.optional) {
      return Error{ErrorCode::kInvalidArgument,
                   "model " + name + ": `" + parameter + "` may be missing, a model gets values"};
    }
    arguments.push_back(*index);
  }
  return arguments;
}

/// Whether padded dimensions are dimensions of what goes in and comes out.
bool AreThere(const Padding& padding, std::span<const engine::Field> fields, size_t num_arguments) {
  const auto has = [&fields](const Padding::Place& place, size_t first, size_t end) {
    if (first + place.column >= end) return false;
    const Type& type = fields[first + place.column].type;
    return type.is_unknown() || place.dim < static_cast<int64_t>(type.shape.size());
  };
  return std::all_of(padding.inputs.begin(), padding.inputs.end(),
                     [&](const auto& place) { return has(place, 0, num_arguments); }) &&
         std::all_of(padding.outputs.begin(), padding.outputs.end(),
                     [&](const auto& place) { return has(place, num_arguments, fields.size()); });
}

/// On the first device of those that the flow names, where it names some, that the machine has and
/// that the file can be run on.
Result<std::shared_ptr<const LoadedModel>> Load(const engine::OperatorSpec& spec,
                                                const ModelOptions& options) {
  if (options.devices.empty()) return ShareModel(spec.base_dir, options, spec.device);
  Result<std::shared_ptr<const LoadedModel>> model = Error{};
  for (const std::string& device : options.devices) {
    model = ShareModel(spec.base_dir, options, device);
    if (model) return model;
  }
  if (options.devices.back() != "cpu" && model.error().code == ErrorCode::kUnavailable) {
    model.error().message += "; `device: [gpu, cpu]` takes the CPU then";
  }
  return model;
}

}  // namespace

Result<engine::AnyOperator> MakeModel(const engine::OperatorSpec& spec) {
  if (spec.inputs.size() != 1 || spec.outputs.size() != 1) {
    return Error{ErrorCode::kInvalidArgument, "a model has one input and one output"};
  }
  Result<ModelOptions> options = ReadModelOptions(spec.step.options, spec.step.label);
  if (!options) return std::move(options).error();
  const Result<LoadHints> hints = ReadLoadHints(spec.step.hints);
  if (!hints) {
    return Error{hints.error().code, "model " + options->name + ": " + hints.error().message};
  }
  options->load = *hints;
  Result<std::vector<size_t>> arguments = FindArguments(spec, options->name);
  if (!arguments) return std::move(arguments).error();

  std::vector<engine::Field> fields;
  for (size_t i = 0; i < arguments->size(); ++i) {
    fields.push_back({spec.step.arguments[i].first, (*spec.inputs[0])[(*arguments)[i]].type});
  }
  std::vector<Outcome> outcomes;
  std::vector<std::string> defined;
  for (const auto& [result, column] : spec.step.results) {
    const engine::Field* field = spec.outputs[0]->Find(column);
    outcomes.push_back({result, field == nullptr ? Type{} : field->type});
    fields.push_back({result, outcomes.back().declared});
    defined.push_back(column);
  }
  if (!AreThere(options->padding, fields, arguments->size())) {
    return Error{ErrorCode::kInvalidArgument,
                 "model " + options->name + ": `pad` names a dimension that is not there"};
  }
  Result<Layout> layout = Layout::Make(*spec.inputs[0], spec.outputs[0], defined);
  if (!layout) return std::move(layout).error();

  Result<std::shared_ptr<const LoadedModel>> model = Load(spec, *options);
  if (!model) return std::move(model).error();
  std::vector<engine::Field> given(fields.begin(),
                                   fields.begin() + static_cast<ptrdiff_t>(arguments->size()));
  if (options->padding.is_on()) given.push_back(MaskField());
  if (Status checked = (*model)->CheckInputs(given); !checked) {
    checked.error().message.insert(0, "model " + options->name + ": ");
    return std::move(checked).error();
  }
  std::shared_ptr<engine::CallSlots> slots;
  if (options->num_instances > 0) slots = ShareCallSlots(**model, options->num_instances);
  return engine::AnyOperator(std::make_unique<Model>(
      *std::move(options), *std::move(model), std::move(slots), *std::move(arguments),
      std::move(outcomes), std::move(fields), *std::move(layout)));
}

}  // namespace raceway::operators
