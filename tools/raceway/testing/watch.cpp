#include "tools/raceway/testing/watch.h"

#include <algorithm>
#include <set>
#include <utility>

#include "engine/data/symbols.h"
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
using engine::Status;
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

bool CallsAFunction(const StepSpec& step) {
  return step.op == "model" || step.op == "native" || step.op == "plugin";
}

void CollectSteps(std::vector<engine::StageSpec>& stages, std::vector<StepSpec*>& steps) {
  for (engine::StageSpec& stage : stages) {
    for (StepSpec& step : stage.steps) {
      steps.push_back(&step);
      for (engine::BranchSpec& branch : step.branches) CollectSteps(branch.stages, steps);
    }
  }
}

bool Computes(const StepSpec& step, const std::set<std::string>& columns) {
  std::vector<std::string> read;
  for (const auto& [parameter, column] : step.arguments) read.push_back(column);
  for (const engine::NamedExpression& named : step.expressions) {
    engine::CollectColumns(named.expression, read);
  }
  for (const engine::BranchSpec& branch : step.branches) read.push_back(branch.accept);
  return std::any_of(read.begin(), read.end(),
                     [&](const std::string& column) { return columns.contains(column); });
}

/// The columns that hold the results of a step, where no other step computes with one of them; else
/// none.
std::set<std::string> OnlyCarried(const StepSpec& step, const std::vector<StepSpec*>& steps) {
  std::set<std::string> columns;
  for (const auto& [result, column] : step.results) columns.insert(column);
  for (size_t before = 0; before != columns.size();) {
    before = columns.size();
    for (const StepSpec* other : steps) {
      for (const auto& [column, from] : other->sources) {
        const bool is_one = std::any_of(from.begin(), from.end(), [&](const std::string& source) {
          return columns.contains(source);
        });
        if (is_one) columns.insert(column);
      }
    }
  }
  const bool is_read = std::any_of(
      steps.begin(), steps.end(), [&](const StepSpec* other) { return Computes(*other, columns); });
  return is_read ? std::set<std::string>() : columns;
}

void WatchStep(StepSpec& step, size_t stage, bool is_only_carried) {
  Value::Record options = {{"function", Value(FunctionOf(step.label))},
                           {"stage", Value(static_cast<int64_t>(stage))},
                           {"only_carried", Value(is_only_carried)},
                           {"op", Value(step.op)},
                           {"options", Value(std::move(step.options))}};
  step.op = kOperator;
  step.options = std::move(options);
}

/// `i` is the stage of the plan that it is, or is a part of.
void WatchStage(engine::StageSpec& stage, size_t i,
                const std::map<const StepSpec*, bool>& is_carried) {
  // Side by side, calls would come in any order.
  stage.own_task = false;
  for (StepSpec& step : stage.steps) {
    for (engine::BranchSpec& branch : step.branches) {
      for (engine::StageSpec& inside : branch.stages) WatchStage(inside, i, is_carried);
    }
    const auto carried = is_carried.find(&step);
    if (CallsAFunction(step)) {
      WatchStep(step, i, carried != is_carried.end() && carried->second);
    }
  }
}

/// Stands for a value that nobody looks at.
Value Placeholder(const Type& type) {
  Value value = engine::IsText(type.dtype) ? Value("") : Value(int64_t{0});
  if (type.dtype == engine::DataType::kBool) value = Value(false);
  for (auto dim = type.shape.rbegin(); dim != type.shape.rend(); ++dim) {
    const auto size = static_cast<size_t>(dim->is_size() ? dim->size : 1);
    Value::List list(size, value);
    value = Value(std::move(list));
  }
  return value;
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
    const std::vector<Call> calls = CallsOf(input, context);
    if (Status noted = NoteCalls(input, calls); !noted.ok()) return std::move(noted).error();
    if (real_) return real_->Run(std::move(input), context);
    std::vector<StubAnswer> answers;
    {
      const std::lock_guard lock(mutex_);
      for (const Call& call : calls) answers.push_back(calls_.at(call));
    }
    if (const auto stop = Wait(answers, context)) return operators::StopError(*stop);
    {
      const std::lock_guard lock(mutex_);
      for (const Call& call : calls) calls_.at(call).delay = {};  // it takes its time once
    }
    for (size_t row = 0; row < answers.size(); ++row) {
      if (!answers[row].failure) continue;
      Error error{ErrorCode::kFailed, function_ + ": " + *answers[row].failure};
      error.row_id = input.RowId(static_cast<int64_t>(row));
      return error;
    }
    return Rows(input, answers);
  }

 private:
  /// A row that came (inside of branches: to the outermost step that has some), and which one of
  /// those that stem from it.
  using Call = std::pair<int64_t, int64_t>;

  WatchedFunction(FunctionWatch& watch, Layout layout)
      : watch_(watch), layout_(std::move(layout)) {}

  static std::vector<Call> CallsOf(const Batch& input, const engine::RunContext& context) {
    std::map<int64_t, int64_t> counts;
    std::vector<Call> calls;
    for (int64_t row = 0; row < input.num_rows(); ++row) {
      int64_t id = input.RowId(row);
      if (context.branch_input != nullptr) id = context.branch_input->OutermostPlace(id);
      calls.emplace_back(id, counts[id]++);
    }
    return calls;
  }

  /// Rows that come again are no new calls: when one of a batch fails, the engine may try the
  /// others once more.
  Status NoteCalls(const Batch& input, const std::vector<Call>& calls) const {
    const std::lock_guard lock(mutex_);
    std::vector<int64_t> rows;
    for (int64_t row = 0; row < input.num_rows(); ++row) {
      if (!calls_.contains(calls[static_cast<size_t>(row)])) rows.push_back(row);
    }
    if (rows.empty()) return engine::Done{};
    FunctionWatch::Arguments arguments;
    for (const Parameter& parameter : parameters_) {
      arguments.emplace_back(parameter.name,
                             std::pair(parameter.type, input.column(parameter.column).Take(rows)));
    }
    const auto num_rows = static_cast<int64_t>(rows.size());
    watch_.NoteCalls(function_, std::move(arguments), num_rows);
    std::vector<StubAnswer> answers(rows.size());
    if (!real_ && !is_placeholder_) {
      Result<std::vector<StubAnswer>> said = watch_.Answer(function_, num_rows);
      if (!said.ok()) return std::move(said).error();
      answers = *std::move(said);
    }
    for (size_t i = 0; i < rows.size(); ++i) {
      calls_[calls[static_cast<size_t>(rows[i])]] = std::move(answers[i]);
    }
    return engine::Done{};
  }

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
        const Value missing = is_placeholder_ ? Placeholder(outcome.type) : Value();
        cells.push_back(cell != nullptr ? *cell : missing);
      }
      Result<Column> column = ColumnOf(cells, outcome.type);
      if (!column.ok()) {
        return watch_.Complain("the stub of `" + function_ + "`: `" + outcome.name + "` " +
                               column.error().message);
      }
      columns.push_back(*std::move(column));
    }
    if (Status checked = CheckSizes(input, columns); !checked) {
      return watch_.Complain("the stub of `" + function_ + "`: " + checked.error().message);
    }
    return layout_.SameRows(input, std::move(columns));
  }

  /// A stub is held to what the declaration says of dimensions, as the function itself.
  Status CheckSizes(const Batch& input, const std::vector<Column>& results) const {
    if (is_placeholder_) return engine::Done{};
    std::vector<engine::Field> fields;
    std::vector<Column> columns;
    for (const Parameter& parameter : parameters_) {
      fields.push_back({parameter.name, parameter.type});
      columns.push_back(input.column(parameter.column));
    }
    for (size_t i = 0; i < results.size(); ++i) {
      fields.push_back({outcomes_[i].name, outcomes_[i].type});
      columns.push_back(results[i]);
    }
    return engine::CheckSymbols(fields, columns);
  }

  FunctionWatch& watch_;
  std::string function_;
  size_t stage_ = 0;
  bool is_placeholder_ = false;  // no stub, and nobody computes with what it would answer
  std::vector<Parameter> parameters_;
  std::vector<Outcome> outcomes_;
  Layout layout_;
  std::unique_ptr<engine::Operator> real_;  // null: it has a stub, or may not run
  mutable std::mutex mutex_;
  mutable std::map<Call, StubAnswer> calls_;
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
  made->is_placeholder_ = !is_stubbed && *options.Find("only_carried")->AsBool();
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
  unknown_.clear();
  std::vector<StepSpec*> steps;
  CollectSteps(plan.stages, steps);
  std::map<const StepSpec*, bool> is_carried;
  for (const StepSpec* step : steps) {
    const std::string function = FunctionOf(step->label);
    if (step->op != "model" || real_ || stubs_.contains(function)) continue;
    const std::set<std::string> columns = OnlyCarried(*step, steps);
    is_carried[step] = !columns.empty();
    for (size_t i = 0; i < plan.results.size(); ++i) {
      for (const auto& [name, column] : plan.results[i].columns) {
        if (columns.contains(column)) unknown_.push_back({function, i, name});
      }
    }
  }
  for (size_t i = 0; i < plan.stages.size(); ++i) WatchStage(plan.stages[i], i, is_carried);
  return plan;
}

std::vector<std::string> FunctionWatch::UnknownColumns(size_t result) const {
  std::vector<std::string> columns;
  for (const Unknown& unknown : unknown_) {
    if (unknown.result == result && Calls(unknown.function) > 0) columns.push_back(unknown.column);
  }
  return columns;
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
