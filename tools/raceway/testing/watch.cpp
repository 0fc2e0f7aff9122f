#include "tools/raceway/testing/watch.h"

#include <algorithm>
#include <utility>

#include "operators/register_all.h"
#include "operators/row_errors.h"
#include "tools/raceway/testing/cells.h"

namespace raceway::tools {
namespace {

using engine::Batch;
using engine::Column;
using engine::Error;
using engine::ErrorCode;
using engine::Layout;
using engine::Result;
using engine::StepSpec;
using engine::Type;
using engine::Value;

constexpr char kOperator[] = "watched";

/// The watch whose plan is being deployed in this thread.
thread_local FunctionWatch* current = nullptr;

/// "small" of "map(small)".
std::string FunctionOf(const std::string& label) {
  const size_t open = label.find('(');
  if (open == std::string::npos || !label.ends_with(')')) return label;
  return label.substr(open + 1, label.size() - open - 2);
}

bool CallsAFunction(const StepSpec& step) { return step.op == "model" || step.op == "native"; }

/// `stage` is that of the plan, also for what is inside of a step of it.
void WatchStep(StepSpec& step, size_t stage) {
  for (engine::BranchSpec& branch : step.branches) {
    for (engine::StageSpec& inside : branch.stages) {
      inside.own_task = false;
      for (StepSpec& inner : inside.steps) WatchStep(inner, stage);
    }
  }
  if (!CallsAFunction(step)) return;
  Value::Record options = {{"function", Value(FunctionOf(step.label))},
                           {"stage", Value(static_cast<int64_t>(stage))},
                           {"op", Value(step.op)},
                           {"options", Value(std::move(step.options))}};
  step.op = kOperator;
  step.options = std::move(options);
}

}  // namespace

/// A function of a flow under test: its stub, or itself where it has none.
class WatchedFunction final : public engine::Operator {
 public:
  struct Parameter {
    std::string name;
    size_t column = 0;  // of the input
    Type type;
  };
  struct Outcome {
    std::string name;
    Type type;  // unknown where nobody reads it
  };

  static Result<engine::AnyOperator> Make(const engine::OperatorSpec& spec);

  Result<Batch> Run(Batch input, engine::RunContext& context) const override {
    if (input.num_rows() == 0) return Batch::Empty(layout_.output());
    FunctionWatch::Arguments arguments;
    for (const Parameter& parameter : parameters_) {
      arguments.emplace_back(parameter.name,
                             std::pair(parameter.type, input.column(parameter.column)));
    }
    watch_.NoteCalls(function_, std::move(arguments), input.num_rows());
    if (real_) return real_->Run(std::move(input), context);
    Result<std::vector<StubAnswer>> answers = watch_.Answer(function_, input.num_rows());
    if (!answers.ok()) return std::move(answers).error();
    if (const auto stop = Wait(*answers, context)) return operators::StopError(*stop);
    for (size_t row = 0; row < answers->size(); ++row) {
      if (!(*answers)[row].failure) continue;
      Error error{ErrorCode::kFailed, function_ + ": " + *(*answers)[row].failure};
      error.row_id = input.RowId(static_cast<int64_t>(row));
      return error;
    }
    return Rows(input, *answers);
  }

 private:
  WatchedFunction(FunctionWatch& watch, Layout layout)
      : watch_(watch), layout_(std::move(layout)) {}

  /// A batch takes as long as its slowest row, or until the request has to stop.
  std::optional<ErrorCode> Wait(const std::vector<StubAnswer>& answers,
                                engine::RunContext& context) const {
    std::chrono::nanoseconds delay{0};
    for (const StubAnswer& answer : answers) delay = std::max(delay, answer.delay);
    const engine::TimePoint start = watch_.clock_.Now();
    engine::TimePoint until = start + delay;
    if (const auto deadline = context.cancel.deadline()) until = std::min(until, *deadline);
    watch_.clock_.AdvanceTo(until);
    watch_.NoteTime(stage_, std::max(until - start, std::chrono::nanoseconds(0)));
    return context.cancel.Check();
  }

  Result<Batch> Rows(const Batch& input, const std::vector<StubAnswer>& answers) const {
    std::vector<Column> columns;
    for (const Outcome& outcome : outcomes_) {
      if (outcome.type.is_unknown()) {
        columns.emplace_back();
        continue;
      }
      std::vector<Value> cells;
      for (const StubAnswer& answer : answers) {
        const Value* cell = answer.row.Find(outcome.name);
        cells.push_back(cell != nullptr ? *cell : Value());
      }
      Result<Column> column = ColumnOf(cells, outcome.type);
      if (!column.ok()) {
        return watch_.Complain("the stub of `" + function_ + "`: `" + outcome.name + "` " +
                               column.error().message);
      }
      columns.push_back(*std::move(column));
    }
    return layout_.SameRows(input, std::move(columns));
  }

  FunctionWatch& watch_;
  std::string function_;
  size_t stage_ = 0;
  std::vector<Parameter> parameters_;
  std::vector<Outcome> outcomes_;
  Layout layout_;
  std::unique_ptr<engine::Operator> real_;  // null: it has a stub, or may not run
};

Result<engine::AnyOperator> WatchedFunction::Make(const engine::OperatorSpec& spec) {
  const Value options(spec.step.options);
  std::vector<std::string> defined;
  for (const auto& [result, column] : spec.step.results) defined.push_back(column);
  Result<Layout> layout = Layout::Make(*spec.inputs[0], spec.outputs[0], defined);
  if (!layout.ok()) return std::move(layout).error();
  std::unique_ptr<WatchedFunction> made(new WatchedFunction(*current, *std::move(layout)));
  made->function_ = *options.Find("function")->AsString();
  made->stage_ = static_cast<size_t>(*options.Find("stage")->AsInt());
  for (const auto& [parameter, column] : spec.step.arguments) {
    const std::optional<size_t> index = spec.inputs[0]->IndexOf(column);
    if (!index) return Error{ErrorCode::kInternal, "no column `" + column + "`"};
    made->parameters_.push_back({parameter, *index, (*spec.inputs[0])[*index].type});
  }
  for (const auto& [result, column] : spec.step.results) {
    const engine::Field* field = spec.outputs[0]->Find(column);
    made->outcomes_.push_back({result, field != nullptr ? field->type : Type{}});
  }
  const std::string& op = *options.Find("op")->AsString();
  const bool is_stubbed = current->stubs_.contains(made->function_);
  if (!is_stubbed && (op != "model" || current->real_)) {
    StepSpec step = spec.step;
    step.op = op;
    step.options = *options.Find("options")->AsRecord();
    engine::OperatorFactories factories;
    operators::RegisterAll(factories);
    Result<engine::AnyOperator> real =
        factories.Find(op)({step, spec.inputs, spec.outputs, spec.device, spec.base_dir});
    if (!real.ok()) return real;
    made->real_ = std::move(std::get<std::unique_ptr<engine::Operator>>(*real));
  }
  return engine::AnyOperator(std::unique_ptr<engine::Operator>(std::move(made)));
}

void VirtualClock::AdvanceTo(engine::TimePoint time) {
  const int64_t wanted = std::chrono::nanoseconds(time.time_since_epoch()).count();
  int64_t now = now_.load(std::memory_order_relaxed);
  while (now < wanted && !now_.compare_exchange_weak(now, wanted, std::memory_order_acq_rel)) {
  }
}

engine::OperatorFactories FunctionWatch::Factories() {
  engine::OperatorFactories factories;
  operators::RegisterAll(factories);
  factories.Add(kOperator, &WatchedFunction::Make);
  return factories;
}

engine::PhysicalPlan FunctionWatch::Watch(engine::PhysicalPlan plan) {
  current = this;
  for (size_t i = 0; i < plan.stages.size(); ++i) {
    // Side by side, calls would come in any order.
    plan.stages[i].own_task = false;
    for (StepSpec& step : plan.stages[i].steps) WatchStep(step, i);
  }
  return plan;
}

int64_t FunctionWatch::Calls(const std::string& function) const {
  const std::lock_guard lock(mutex_);
  const auto found = num_calls_.find(function);
  return found != num_calls_.end() ? found->second : 0;
}

Value FunctionWatch::Args(const std::string& function) const {
  const std::lock_guard lock(mutex_);
  Value::List records;
  const auto found = arguments_.find(function);
  if (found == arguments_.end()) return Value(std::move(records));
  for (const Arguments& batch : found->second) {
    const int64_t num_rows = batch.empty() ? 0 : batch.front().second.second.num_rows();
    for (int64_t row = 0; row < num_rows; ++row) {
      Value::Record record;
      for (const auto& [name, column] : batch) {
        record.emplace_back(name, CellOf(column.second, column.first, row));
      }
      records.emplace_back(std::move(record));
    }
  }
  return Value(std::move(records));
}

std::chrono::nanoseconds FunctionWatch::TakeLatency(const engine::PhysicalPlan& plan) {
  const std::lock_guard lock(mutex_);
  std::vector<std::chrono::nanoseconds> ends;  // of each stage
  std::chrono::nanoseconds latest{0};
  for (size_t i = 0; i < plan.stages.size(); ++i) {
    std::chrono::nanoseconds start{0};
    for (const engine::Port input : plan.stages[i].inputs) {
      if (input.stage >= 0) start = std::max(start, ends[static_cast<size_t>(input.stage)]);
    }
    ends.push_back(start + times_[i]);
    latest = std::max(latest, ends.back());
  }
  times_.clear();
  return latest;
}

std::optional<std::string> FunctionWatch::complaint() const {
  const std::lock_guard lock(mutex_);
  return complaint_;
}

Result<std::vector<StubAnswer>> FunctionWatch::Answer(const std::string& function,
                                                      int64_t num_rows) {
  const auto stub = stubs_.find(function);
  if (stub == stubs_.end()) {
    return Complain("model `" + function + "` is called and has no stub; write `stub " + function +
                    " => { … }`, or run with --real");
  }
  const Stub& answers = stub->second;
  if (!answers.is_list) {
    return std::vector<StubAnswer>(static_cast<size_t>(num_rows), answers.answers.front());
  }
  const int64_t first = Calls(function) - num_rows;
  const auto size = static_cast<int64_t>(answers.answers.size());
  if (first + num_rows > size) {
    return Complain("the stub of `" + function + "` has " + std::to_string(size) +
                    (size == 1 ? " answer" : " answers") + ", this is call " +
                    std::to_string(std::max(first, size) + 1));
  }
  const auto begin = answers.answers.begin() + first;
  return std::vector<StubAnswer>(begin, begin + num_rows);
}

void FunctionWatch::NoteCalls(const std::string& function, Arguments arguments, int64_t num_rows) {
  const std::lock_guard lock(mutex_);
  num_calls_[function] += num_rows;
  arguments_[function].push_back(std::move(arguments));
}

void FunctionWatch::NoteTime(size_t stage, std::chrono::nanoseconds time) {
  const std::lock_guard lock(mutex_);
  times_[stage] += time;
}

Error FunctionWatch::Complain(std::string message) {
  const std::lock_guard lock(mutex_);
  if (!complaint_) complaint_ = message;
  return {ErrorCode::kFailed, std::move(message)};
}

}  // namespace raceway::tools
