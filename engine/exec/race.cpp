#include "engine/exec/race.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "engine/exec/heat.h"
#include "engine/exec/request.h"

namespace raceway::engine {
namespace {

constexpr std::string_view kElse = "else";
constexpr std::string_view kWinner = "winner";

Result<std::vector<Branch>> MakeBranches(const OperatorSpec& spec,
                                         const StageSurroundings& around) {
  std::vector<Branch> branches;
  for (const BranchSpec& branch_spec : spec.step.branches) {
    Result<Branch> branch = Branch::Make(branch_spec, spec.inputs[0], around);
    if (!branch) return std::move(branch).error();
    branches.push_back(*std::move(branch));
  }
  return branches;
}

std::string WinnerColumn(const StepSpec& step) {
  for (const auto& [result, column] : step.results) {
    if (result == kWinner) return column;
  }
  return {};
}

/// The columns that branches give different values, by the names they have there.
std::vector<std::string> AnswerColumns(const StepSpec& step) {
  std::set<std::string> columns;
  for (const auto& [column, from] : step.sources) columns.insert(from.begin(), from.end());
  return {columns.begin(), columns.end()};
}

std::optional<TimePoint> Earlier(std::optional<TimePoint> a, std::optional<TimePoint> b) {
  if (!a || !b) return a ? a : b;
  return std::min(*a, *b);
}

/// Ends a heat however its owner leaves it.
class Closing {
 public:
  explicit Closing(Heat& heat) : heat_(heat) {}
  ~Closing() { heat_.Close(); }
  Closing(const Closing&) = delete;

 private:
  Heat& heat_;
};

}  // namespace

Result<AnyOperator> Race::Make(const OperatorSpec& spec, const StageSurroundings& around) {
  Result<std::vector<Branch>> branches = MakeBranches(spec, around);
  if (!branches) return std::move(branches).error();
  Result<Merge> merge = Merge::Make(spec.step, spec.outputs[0], *branches, WinnerColumn(spec.step));
  if (!merge) return std::move(merge).error();
  std::vector<Runner> runners;
  std::optional<Branch> otherwise;
  for (size_t i = 0; i < branches->size(); ++i) {
    Branch& branch = (*branches)[i];
    if (branch.name() == kElse) {
      otherwise = std::move(branch);
      continue;
    }
    const std::string& accept = spec.step.branches[i].accept;
    const std::optional<size_t> index = branch.output_schema()->IndexOf(accept);
    runners.push_back({std::move(branch), index ? static_cast<int32_t>(*index) : -1});
  }
  std::unique_ptr<Race> race(
      new Race(std::move(runners), std::move(otherwise), *std::move(merge), around.workers));
  const Value options(spec.step.options);
  if (const Value* within = options.Find("within")) {
    race->within_ = std::chrono::nanoseconds(*within->AsInt());
  }
  race->answer_columns_ = AnswerColumns(spec.step);
  return AnyOperator(std::unique_ptr<Operator>(std::move(race)));
}

bool Race::is_row_wise() const {
  return std::all_of(runners_.begin(), runners_.end(),
                     [](const Runner& runner) { return runner.branch.is_row_wise(); }) &&
         (!otherwise_ || otherwise_->is_row_wise());
}

Result<Batch> Race::Run(Batch input, RunContext& context) const {
  std::optional<TimePoint> until;
  if (within_) until = context.clock.Now() + *within_;
  const BranchInput branch_input{input, context.branch_input};
  RunContext inside{context.cancel, context.clock, &branch_input, &workers_};
  const auto heat = std::make_shared<Heat>(runners_, Numbered(input), context.clock,
                                           Earlier(until, context.cancel.deadline()), workers_);
  {
    const Closing closing(*heat);
    for (size_t i = 1; i < runners_.size(); ++i) {
      if (!runners_[i].branch.is_worth_task()) continue;
      workers_.Start([heat, i] { heat->RunBranch(i, nullptr); });
    }
    for (size_t i = 0; i < runners_.size(); ++i) heat->RunBranch(i, &inside);
    heat->Wait(until, context.cancel);
  }
  if (const auto stop = context.cancel.Check()) return StopError(*stop, {});
  const std::vector<int64_t> open = heat->OpenRows();
  if (open.empty()) return merge_.Run(input, heat->parts(), heat->picks());
  if (!otherwise_) {
    return Error{.code = ErrorCode::kFailed,
                 .message = "no answer is good: " + heat->WhyOpen(open[0], answer_columns_),
                 .row_id = input.RowId(open[0])};
  }
  Result<Batch> rest = otherwise_->Run(SomeRows(Numbered(input), open), inside);
  if (!rest) {
    Error& error = rest.error();
    const bool is_row = error.row_id >= 0 && error.row_id < input.num_rows();
    error.row_id = is_row ? input.RowId(error.row_id) : -1;
    return rest;
  }
  std::vector<Merge::Part> parts = heat->parts();
  std::vector<Merge::Pick> picks = heat->picks();
  for (int64_t row = 0; row < rest->num_rows(); ++row) {
    picks.push_back({rest->RowId(row), parts.size(), row});
  }
  parts.push_back({runners_.size(), *std::move(rest)});
  return merge_.Run(input, parts, std::move(picks));
}

}  // namespace raceway::engine
