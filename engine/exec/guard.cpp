#include "engine/exec/guard.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "engine/duration.h"
#include "engine/exec/request.h"

namespace raceway::engine {
namespace {

std::vector<int64_t> AllRows(const Batch& batch) {
  std::vector<int64_t> rows(static_cast<size_t>(batch.num_rows()));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

/// All rows that failed, in order.
std::vector<int64_t> RowsOf(const std::vector<Attempt::Failure>& failures) {
  std::vector<int64_t> rows;
  for (const Attempt::Failure& failure : failures) {
    rows.insert(rows.end(), failure.rows.begin(), failure.rows.end());
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

/// With the row of the request in place of that of the step's input.
Error Mapped(Error error, const Batch& input) {
  const bool is_row = error.row_id >= 0 && error.row_id < input.num_rows();
  error.row_id = is_row ? input.RowId(error.row_id) : -1;
  return error;
}

/// The failure of the first row.
const Error& FirstError(const std::vector<Attempt::Failure>& failures) {
  return std::min_element(failures.begin(), failures.end(),
                          [](const Attempt::Failure& a, const Attempt::Failure& b) {
                            return a.rows.front() < b.rows.front();
                          })
      ->error;
}

/// The failure of `row`, or of the first one.
const Error& ErrorOf(const std::vector<Attempt::Failure>& failures, int64_t row) {
  for (const Attempt::Failure& failure : failures) {
    if (std::binary_search(failure.rows.begin(), failure.rows.end(), row)) return failure.error;
  }
  return FirstError(failures);
}

/// Why the substitute had to work, behind what went wrong with it.
Error WithCause(Error error, const std::vector<Attempt::Failure>& failures, const Batch& input) {
  error.message += " (in place of " + Mapped(ErrorOf(failures, error.row_id), input).Text() + ")";
  return Mapped(std::move(error), input);
}

}  // namespace

Result<AnyOperator> Guard::Make(const OperatorSpec& spec, const StageSurroundings& around) {
  std::vector<Branch> branches;
  for (const BranchSpec& branch_spec : spec.step.branches) {
    Result<Branch> branch = Branch::Make(branch_spec, spec.inputs[0], around);
    if (!branch) return std::move(branch).error();
    branches.push_back(*std::move(branch));
  }
  Result<Merge> merge = Merge::Make(spec.step, spec.outputs[0], branches);
  if (!merge) return std::move(merge).error();
  std::unique_ptr<Guard> guard(new Guard(std::move(branches), *std::move(merge)));
  const Value options(spec.step.options);
  if (const Value* timeout = options.Find("timeout")) {
    guard->timeout_ = std::chrono::nanoseconds(*timeout->AsInt());
  }
  if (const Value* each_row = options.Find("each_row")) guard->each_row_ = *each_row->AsBool();
  guard->drops_failed_ = options.Find("on_error") != nullptr;
  return AnyOperator(std::unique_ptr<Operator>(std::move(guard)));
}

bool Guard::is_row_wise() const {
  return std::all_of(branches_.begin(), branches_.end(),
                     [](const Branch& branch) { return branch.is_row_wise(); });
}

/// The retries share one deadline.
Attempt Guard::TryFirst(const Batch& numbered, RunContext& context) const {
  // Which rows fail matters only where something is done about them.
  const bool each_row = each_row_ && (drops_failed_ || has_substitute());
  if (!timeout_) {
    return TryRows(branches_[0], numbered, AllRows(numbered), each_row, context);
  }
  CancelToken cancel;
  cancel.SetParent(&context.cancel);
  cancel.SetDeadline(context.clock.Now() + *timeout_, context.clock);
  RunContext inner{cancel, context.clock, context.branch_input, context.workers};
  Attempt attempt = TryRows(branches_[0], numbered, AllRows(numbered), each_row, inner);
  for (Attempt::Failure& failure : attempt.failures) {
    if (failure.error.code != ErrorCode::kDeadlineExceeded) continue;
    failure.error.code = ErrorCode::kTimeout;
    failure.error.message = "no answer within " + ToString(*timeout_);
  }
  return attempt;
}

Result<Batch> Guard::Run(Batch input, RunContext& context) const {
  const Batch numbered = Numbered(input);
  const BranchInput branch_input{input, context.branch_input};
  RunContext inside{context.cancel, context.clock, &branch_input, context.workers};
  Attempt attempt = TryFirst(numbered, inside);
  if (const auto stop = context.cancel.Check()) {
    return StopError(*stop, attempt.failures.empty() ? "" : attempt.failures[0].error.stage);
  }
  std::vector<Merge::Part> parts;
  for (Batch& answer : attempt.answers) parts.push_back({0, std::move(answer)});
  if (attempt.failures.empty() || drops_failed_) return merge_.Run(input, parts);
  if (!has_substitute()) return Mapped(FirstError(attempt.failures), input);
  Result<Batch> substitute = branches_[1].Run(SomeRows(numbered, RowsOf(attempt.failures)), inside);
  if (!substitute) {
    if (context.cancel.Check()) return substitute;
    return WithCause(std::move(substitute).error(), attempt.failures, input);
  }
  parts.push_back({1, *std::move(substitute)});
  return merge_.Run(input, parts);
}

}  // namespace raceway::engine
