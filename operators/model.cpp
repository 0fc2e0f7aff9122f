#include "operators/model.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/data/symbols.h"
#include "engine/gate.h"
#include "operators/models/batcher.h"
#include "operators/models/batching.h"
#include "operators/models/inputs.h"
#include "operators/models/model_file.h"
#include "operators/models/model_step.h"
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

/// Rows of one request on their way through calls of the model: which rows are in which call, and
/// what came of it.
class Calls {
 public:
  /// Where one call takes all rows, `rows` is empty.
  Calls(std::vector<Column> args, int64_t num_rows, std::vector<std::vector<int64_t>> rows)
      : args_(std::move(args)),
        num_rows_(num_rows),
        rows_(std::move(rows)),
        results_(std::max<size_t>(rows_.size(), 1), Error{}) {}

  size_t count() const { return results_.size(); }
  int64_t NumRows(size_t call) const {
    return rows_.empty() ? num_rows_ : static_cast<int64_t>(rows_[call].size());
  }
  std::vector<Column> ArgsOf(size_t call) const {
    if (rows_.empty()) return args_;
    std::vector<Column> taken;
    taken.reserve(args_.size());
    for (const Column& arg : args_) taken.push_back(arg.Take(rows_[call]));
    return taken;
  }

  /// Of different calls by different threads.
  void Set(size_t call, Result<std::vector<Column>> results) {
    if (!results && !rows_.empty()) {
      int64_t& row = results.error().row_id;
      if (rows_[call].size() == 1) row = 0;
      if (row >= 0) row = rows_[call][static_cast<size_t>(row)];
    }
    results_[call] = std::move(results);
  }

  /// Once all are set. The results of all rows, or the first error.
  Result<std::vector<Column>> Take(const std::vector<Outcome>& outcomes) {
    for (Result<std::vector<Column>>& result : results_) {
      if (!result) return std::move(result);
    }
    if (rows_.empty()) return std::move(results_[0]);
    std::vector<std::pair<int32_t, int64_t>> from(static_cast<size_t>(num_rows_));
    for (size_t call = 0; call < rows_.size(); ++call) {
      for (size_t i = 0; i < rows_[call].size(); ++i) {
        from[static_cast<size_t>(rows_[call][i])] = {static_cast<int32_t>(call),
                                                     static_cast<int64_t>(i)};
      }
    }
    std::vector<Column> all;
    for (size_t i = 0; i < outcomes.size(); ++i) {
      if (outcomes[i].declared.is_unknown()) {
        all.emplace_back();
        continue;
      }
      std::vector<Column> parts;
      for (Result<std::vector<Column>>& result : results_) parts.push_back(std::move((*result)[i]));
      all.push_back(Column::Gather(parts, from));
    }
    return all;
  }

  const std::vector<Column>& args() const { return args_; }

 private:
  const std::vector<Column> args_;
  const int64_t num_rows_;
  const std::vector<std::vector<int64_t>> rows_;
  std::vector<Result<std::vector<Column>>> results_;  // of each call
};

class Model final : public engine::Operator {
 public:
  Model(std::shared_ptr<const ModelStep> step, std::shared_ptr<Batcher> batcher, int64_t max_rows,
        std::vector<size_t> arguments, std::vector<engine::Field> fields, Layout layout)
      : step_(std::move(step)),
        batcher_(std::move(batcher)),
        max_rows_(max_rows),
        arguments_(std::move(arguments)),
        fields_(std::move(fields)),
        layout_(std::move(layout)) {}

  Result<Batch> Run(Batch input, engine::RunContext& context) const override {
    if (input.num_rows() == 0) return Batch::Empty(layout_.output());
    Calls calls = CallsOf(input);
    if (batcher_ != nullptr) {
      batcher_->AddAndWait(
          BatchCallsOf(calls, context, [&calls](size_t call, Result<std::vector<Column>> results) {
            calls.Set(call, std::move(results));
          }));
      return Finish(input, calls);
    }
    engine::CancelGate gate(context.cancel);
    for (size_t call = 0; call < calls.count(); ++call) {
      if (call > 0) {
        if (const auto stop = context.cancel.Check()) return StopError(*stop);
      }
      Result<std::vector<Column>> results =
          Ask(calls.ArgsOf(call), calls.NumRows(call), gate, context);
      const bool is_right = results.ok();
      calls.Set(call, std::move(results));
      if (!is_right) break;
    }
    return Finish(input, calls);
  }

  bool may_answer_later() const override { return batcher_ != nullptr; }

  std::optional<Result<Batch>> Start(Batch input, engine::RunContext& context,
                                     const engine::Answer& answer) const override {
    if (input.num_rows() == 0) return Batch::Empty(layout_.output());
    /// The last one through has the answer, be it a call or who started them.
    struct Open {
      Batch input;
      Calls calls;
      engine::Answer answer;
      std::atomic<size_t> num_open;
    };
    Calls calls = CallsOf(input);
    const size_t num_open = calls.count() + 1;
    const std::shared_ptr<Open> open(
        new Open{std::move(input), std::move(calls), answer, num_open});
    std::vector<BatchCall> batch_calls = BatchCallsOf(
        open->calls, context, [this, open](size_t call, Result<std::vector<Column>> results) {
          open->calls.Set(call, std::move(results));
          if (open->num_open.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
          open->answer(Finish(open->input, open->calls));
        });
    // All may be over before it returns, and this operator gone.
    const std::shared_ptr<Batcher> batcher = batcher_;
    batcher->Add(std::move(batch_calls));
    if (open->num_open.fetch_sub(1, std::memory_order_acq_rel) != 1) return std::nullopt;
    return Finish(open->input, open->calls);
  }

 private:
  Calls CallsOf(const Batch& input) const {
    std::vector<Column> args;
    args.reserve(arguments_.size());
    for (const size_t argument : arguments_) args.push_back(input.column(argument));
    std::vector<std::vector<int64_t>> rows = RowsByCall(
        args, step_->model().parameters(), step_->options().padding, input.num_rows(), max_rows_);
    return {std::move(args), input.num_rows(), std::move(rows)};
  }

  template <typename Set>
  std::vector<BatchCall> BatchCallsOf(const Calls& calls, engine::RunContext& context,
                                      const Set& set) const {
    std::vector<BatchCall> batch_calls;
    for (size_t call = 0; call < calls.count(); ++call) {
      batch_calls.push_back({.step = step_,
                             .args = calls.ArgsOf(call),
                             .num_rows = calls.NumRows(call),
                             .cancel = &context.cancel,
                             .workers = context.workers,
                             .answer = [set, call](Result<std::vector<Column>> results) {
                               set(call, std::move(results));
                             }});
    }
    return batch_calls;
  }

  Result<std::vector<Column>> Ask(const std::vector<Column>& args, int64_t num_rows,
                                  engine::CancelGate& gate, engine::RunContext& context) const {
    const Result<std::vector<int64_t>> lengths = step_->LengthsOf(args, num_rows);
    if (!lengths) return lengths.error();
    const Result<c10::IValue> answer =
        step_->Ask(args, *lengths, context.cancel, context.cancel.may_stop() ? &gate : nullptr);
    if (!answer) return answer.error();
    return step_->Read(*answer, *lengths, num_rows);
  }

  /// Once all calls are through, or one has failed.
  Result<Batch> Finish(const Batch& input, Calls& calls) const {
    Result<std::vector<Column>> results = calls.Take(step_->outcomes());
    if (!results) return WithRowId(std::move(results).error(), input);
    if (Status checked = CheckSizes(calls.args(), *results); !checked) {
      return WithRowId(std::move(checked).error(), input);
    }
    return layout_.SameRows(input, std::move(*results));
  }

  /// What several results, or arguments and results, say of their dimensions.
  Status CheckSizes(std::vector<Column> columns, const std::vector<Column>& results) const {
    columns.insert(columns.end(), results.begin(), results.end());
    Status checked = engine::CheckSymbols(fields_, columns);
    if (!checked) {
      checked.error().code = ErrorCode::kFailed;
      checked.error() = step_->Named(std::move(checked.error()));
    }
    return checked;
  }

  std::shared_ptr<const ModelStep> step_;
  std::shared_ptr<Batcher> batcher_;   // null: any number of calls may run at once, each alone
  int64_t max_rows_;                   // of a call
  std::vector<size_t> arguments_;      // columns of the input
  std::vector<engine::Field> fields_;  // of the arguments, then of the outcomes
  Layout layout_;
};

// --- making it ---

/// What runs one at a time has as many rows as its request.
constexpr engine::schedule::BatchLimits kOneByOne{.max_rows = 1};

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
  const Result<std::optional<engine::schedule::BatchLimits>> batching =
      ReadBatchHints(spec.step.hints);
  if (!batching) {
    return Error{batching.error().code, "model " + options->name + ": " + batching.error().message};
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
  int64_t max_rows = (*model)->max_rows();
  if (*batching) max_rows = std::min(max_rows, (*batching)->max_rows);
  const bool is_bounded = options->num_instances > 0;
  const auto step = std::make_shared<const ModelStep>(*std::move(options), *std::move(model),
                                                      std::move(outcomes));
  std::shared_ptr<Batcher> batcher;
  if (*batching || is_bounded) {
    engine::schedule::BatchLimits limits = batching->value_or(kOneByOne);
    limits.max_rows = std::min(limits.max_rows, max_rows);
    batcher = ShareBatcher(*step, limits);
  }
  return engine::AnyOperator(std::make_unique<Model>(step, std::move(batcher), max_rows,
                                                     *std::move(arguments), std::move(fields),
                                                     *std::move(layout)));
}

}  // namespace raceway::operators
