#include "operators/model.h"

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/script.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/data/symbols.h"
#include "engine/gate.h"
#include "operators/model_file.h"
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
using engine::Value;

// --- a run ---

/// The intra-op threads of this worker, for the length of a call.
class IntraOpThreads {
 public:
  explicit IntraOpThreads(int num_threads) : before_(at::get_num_threads()) {
    if (num_threads > 0 && num_threads != before_) {
      at::set_num_threads(num_threads);
      is_changed_ = true;
    }
  }
  IntraOpThreads(const IntraOpThreads&) = delete;
  ~IntraOpThreads() {
    if (is_changed_) at::set_num_threads(before_);
  }

 private:
  int before_;
  bool is_changed_ = false;
};

struct Outcome {
  std::string name;
  Type declared;  // by the plan; unknown where nobody reads it
};

class Model final : public engine::Operator {
 public:
  Model(std::string name, std::shared_ptr<const ModelFile> module, std::vector<size_t> arguments,
        std::vector<Outcome> outcomes, std::vector<engine::Field> fields, Layout layout,
        int num_threads)
      : name_(std::move(name)),
        module_(std::move(module)),
        arguments_(std::move(arguments)),
        outcomes_(std::move(outcomes)),
        fields_(std::move(fields)),
        layout_(std::move(layout)),
        num_threads_(num_threads),
        has_gate_(engine::InstallOperatorGate().ok()) {}

  Result<Batch> Run(Batch input, engine::RunContext& context) const override {
    if (input.num_rows() == 0) return Batch::Empty(layout_.output());
    std::vector<Column> args;
    for (const size_t argument : arguments_) args.push_back(Stacked(input.column(argument)));
    const bool is_dense =
        std::all_of(args.begin(), args.end(), [](const Column& arg) { return arg.is_dense(); });
    Result<std::vector<Column>> results = is_dense
                                              ? Forward(args, input.num_rows(), context)
                                              : ForwardByShape(args, input.num_rows(), context);
    if (!results) return WithRowId(std::move(results).error(), input);
    if (Status checked = CheckSizes(std::move(args), *results); !checked) {
      return WithRowId(std::move(checked).error(), input);
    }
    return layout_.SameRows(input, std::move(*results));
  }

 private:
  Error Failed(const std::string& message) const {
    return {ErrorCode::kFailed, "model " + name_ + ": " + message};
  }

  /// One tensor where all rows agree.
  static Column Stacked(const Column& column) {
    if (column.is_dense()) {
      // A constant has its one row in memory; modules may want `view` to work.
      return column.dense().stride(0) == 0 ? Column(column.dense().contiguous()) : column;
    }
    const c10::InferenceMode inference;
    return Column::FromRows(column.ragged(), Type{});
  }

  /// What several results, or arguments and results, say of their dimensions.
  Status CheckSizes(std::vector<Column> columns, const std::vector<Column>& results) const {
    columns.insert(columns.end(), results.begin(), results.end());
    Status checked = engine::CheckSymbols(fields_, columns);
    if (!checked) {
      checked.error().code = ErrorCode::kFailed;
      checked.error().message.insert(0, "model " + name_ + ": ");
    }
    return checked;
  }

  Result<std::vector<Column>> ForwardByShape(std::span<const Column> args, int64_t num_rows,
                                             engine::RunContext& context) const {
    std::map<std::vector<int64_t>, std::vector<int64_t>> groups;  // shapes → rows
    for (int64_t row = 0; row < num_rows; ++row) {
      std::vector<int64_t> shapes;
      for (const Column& arg : args) {
        if (!arg.is_ragged()) continue;
        const at::Tensor& tensor = arg.ragged()[static_cast<size_t>(row)];
        shapes.push_back(tensor.dim());
        shapes.insert(shapes.end(), tensor.sizes().begin(), tensor.sizes().end());
      }
      groups[std::move(shapes)].push_back(row);
    }
    std::vector<std::vector<Column>> parts(outcomes_.size());  // of each outcome, a group each
    std::vector<std::pair<int32_t, int64_t>> from(static_cast<size_t>(num_rows));
    int32_t group = 0;
    for (const auto& [shapes, rows] : groups) {
      if (const auto stop = context.cancel.Check()) return StopError(*stop);
      std::vector<Column> taken;
      for (const Column& arg : args) taken.push_back(Stacked(arg.Take(rows)));
      Result<std::vector<Column>> results =
          Forward(taken, static_cast<int64_t>(rows.size()), context);
      if (!results) {
        if (rows.size() == 1) results.error().row_id = rows[0];
        return results;
      }
      for (size_t i = 0; i < parts.size(); ++i) parts[i].push_back(std::move((*results)[i]));
      for (size_t i = 0; i < rows.size(); ++i) {
        from[static_cast<size_t>(rows[i])] = {group, static_cast<int64_t>(i)};
      }
      ++group;
    }
    std::vector<Column> results;
    results.reserve(parts.size());
    for (const std::vector<Column>& part : parts) results.push_back(Column::Gather(part, from));
    return results;
  }

  /// `args` are dense.
  Result<std::vector<Column>> Forward(std::span<const Column> args, int64_t num_rows,
                                      engine::RunContext& context) const {
    const c10::InferenceMode inference;
    // Without it, the profiling executor compiles a module twice, and for nothing: on a CPU without
    // LLVM it has no fuser. EfficientNet-lite0 traced, 1 row, one thread, CPU time: first run
    // 241–248 → 98–107 ms, second 128–137 → 50–59 ms, later ones 45 ms either way; the first run at
    // another batch size costs what later ones do either way (2026-11, LibTorch 2.11).
    // Thread-local.
    const torch::jit::GraphOptimizerEnabledGuard optimiser(false);
    const IntraOpThreads threads(num_threads_);
    std::vector<c10::IValue> inputs;
    inputs.reserve(args.size());
    for (const Column& arg : args) {
      inputs.emplace_back(module_->writes_inputs ? arg.dense().clone() : arg.dense());
    }
    engine::CancelGate gate(context.cancel);
    std::optional<engine::GateScope> scope;
    if (has_gate_ && context.cancel.may_stop()) scope.emplace(gate);
    try {
      torch::jit::Module module = module_->module;  // a handle; `forward` is not const
      return Columns(module.forward(std::move(inputs)), num_rows);
    } catch (const engine::Stopped& stopped) {
      return StopError(stopped.code);
    } catch (const std::exception& exception) {
      return Failed(OneLine(exception.what()));
    }
  }

  Result<std::vector<Column>> Columns(const c10::IValue& answer, int64_t num_rows) const {
    std::vector<Column> columns;
    for (size_t i = 0; i < outcomes_.size(); ++i) {
      const Result<at::Tensor> tensor = Element(answer, i);
      if (!tensor) return tensor.error();
      Column column(*tensor);
      if (Status checked = Check(column, outcomes_[i], num_rows); !checked) return checked.error();
      columns.push_back(std::move(column));
    }
    return columns;
  }

  /// The i-th result of what `forward` answered.
  Result<at::Tensor> Element(const c10::IValue& answer, size_t i) const {
    const std::string& name = outcomes_[i].name;
    c10::IValue element;
    if (answer.isTuple()) {
      const auto& elements = answer.toTupleRef().elements();
      if (elements.size() != outcomes_.size()) return WrongNumber(elements.size());
      element = elements[i];
    } else if (answer.isGenericDict()) {
      const auto dictionary = answer.toGenericDict();
      if (dictionary.keyType()->kind() != c10::TypeKind::StringType || !dictionary.contains(name)) {
        return Failed("no output `" + name + "` in the dictionary it answers with");
      }
      element = dictionary.at(name);
    } else {
      if (outcomes_.size() != 1) return WrongNumber(1);
      element = answer;
    }
    if (!element.isTensor()) {
      return Failed("output `" + name + "` is no tensor but " + element.type()->annotation_str());
    }
    return element.toTensor();
  }

  Error WrongNumber(size_t found) const {
    return Failed("it answers with " + std::to_string(found) +
                  (found == 1 ? " output, declared " : " outputs, declared ") +
                  std::to_string(outcomes_.size()));
  }

  Status Check(const Column& column, const Outcome& outcome, int64_t num_rows) const {
    if (outcome.declared.is_unknown()) return engine::Done{};
    const std::string output = "output `" + outcome.name + "` ";
    if (Status checked = column.CheckType(outcome.declared); !checked) {
      return Failed(output + checked.error().message);
    }
    if (column.num_rows() != num_rows) {
      return Failed(output + "has " + std::to_string(column.num_rows()) + " rows, the input " +
                    std::to_string(num_rows));
    }
    return engine::Done{};
  }

  std::string name_;
  std::shared_ptr<const ModelFile> module_;
  std::vector<size_t> arguments_;  // columns of the input
  std::vector<Outcome> outcomes_;
  std::vector<engine::Field> fields_;  // of the arguments, then of the outcomes
  Layout layout_;
  int num_threads_;
  bool has_gate_;  // else a run cannot be stopped before its end
};

// --- making it ---

struct ModelOptions {
  std::string source;
  std::string sha256;
  std::string name;
  int num_threads = 0;
};

/// "small" of "map(small)", empty for other labels.
std::string NameIn(std::string_view label) {
  const size_t open = label.find('(');
  if (open == std::string_view::npos || !label.ends_with(')')) return {};
  return std::string(label.substr(open + 1, label.size() - open - 2));
}

Result<ModelOptions> ReadOptions(const engine::StepSpec& step) {
  const Value options(step.options);
  const auto text = [&options](std::string_view key) {
    const Value* value = options.Find(key);
    return value != nullptr && value->AsString() != nullptr ? *value->AsString() : std::string();
  };
  ModelOptions read{text("source"), text("sha256"), NameIn(step.label)};
  if (read.source.empty()) {
    return Error{ErrorCode::kInvalidArgument, "a model wants the option `source`"};
  }
  if (read.name.empty()) read.name = std::filesystem::path(read.source).stem().string();
  if (const Value* threads = options.Find("threads")) {
    const int64_t* count = threads->AsInt();
    if (count == nullptr || *count < 0 || *count > 1024) {
      return Error{ErrorCode::kInvalidArgument,
                   "model " + read.name + ": `threads` cannot be " + ToString(*threads)};
    }
    read.num_threads = static_cast<int>(*count);
  }
  return read;
}

Status CheckInputs(const ModelFile& module, size_t num_arguments, const std::string& name) {
  if (num_arguments <= module.num_inputs &&
      num_arguments + module.num_optional_inputs >= module.num_inputs) {
    return engine::Done{};
  }
  return Error{ErrorCode::kInvalidArgument,
               "model " + name + ": `forward` takes " + std::to_string(module.num_inputs) +
                   (module.num_inputs == 1 ? " input, declared " : " inputs, declared ") +
                   std::to_string(num_arguments)};
}

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
    if (engine::IsText((*spec.inputs[0])[*index].type.dtype)) {
      return Error{ErrorCode::kUnsupported,
                   "model " + name + ": `" + parameter + "` is text, TorchScript gets tensors"};
    }
    arguments.push_back(*index);
  }
  return arguments;
}

}  // namespace

Result<engine::AnyOperator> MakeModel(const engine::OperatorSpec& spec) {
  if (spec.inputs.size() != 1 || spec.outputs.size() != 1) {
    return Error{ErrorCode::kInvalidArgument, "a model has one input and one output"};
  }
  Result<ModelOptions> options = ReadOptions(spec.step);
  if (!options) return std::move(options).error();
  if (spec.device != "cpu") {
    return Error{ErrorCode::kUnsupported,
                 "model " + options->name + ": device `" + spec.device + "` is not supported yet"};
  }
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
  Result<Layout> layout = Layout::Make(*spec.inputs[0], spec.outputs[0], defined);
  if (!layout) return std::move(layout).error();

  Result<std::shared_ptr<const ModelFile>> module =
      ShareModel(spec.base_dir / options->source, options->source, options->sha256);
  if (!module) return std::move(module).error();
  if (auto checked = CheckInputs(**module, arguments->size(), options->name); !checked) {
    return checked.error();
  }
  return engine::AnyOperator(std::make_unique<Model>(
      std::move(options->name), std::move(*module), std::move(*arguments), std::move(outcomes),
      std::move(fields), std::move(*layout), options->num_threads));
}

}  // namespace raceway::operators
