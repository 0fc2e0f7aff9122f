#include "engine/exec/attempt.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "engine/exec/request.h"

namespace raceway::engine {
namespace {

class Trial {
 public:
  Trial(const Branch& branch, const Batch& numbered, bool each_row, RunContext& context)
      : branch_(branch), numbered_(numbered), each_row_(each_row), context_(context) {}

  Attempt Run(std::vector<int64_t> rows) && {
    Try(std::move(rows), false);
    return std::move(attempt_);
  }

 private:
  /// `is_rest`: they are what was left of rows that failed.
  void Try(std::vector<int64_t> rows, bool is_rest) {
    if (const auto stop = context_.cancel.Check()) {
      return Fail(std::move(rows), StopError(*stop, {}));
    }
    Result<Batch> answer = branch_.Run(SomeRows(numbered_, rows), context_);
    if (const auto stop = context_.cancel.Check()) {
      return Fail(std::move(rows), StopError(*stop, answer ? "" : answer.error().stage));
    }
    if (answer) return attempt_.answers.push_back(*std::move(answer));
    Error error = std::move(answer).error();
    const auto named = std::find(rows.begin(), rows.end(), error.row_id);
    if (named == rows.end()) error.row_id = -1;
    if (!each_row_ || rows.size() == 1) return Fail(std::move(rows), std::move(error));
    if (named != rows.end()) {
      Fail({*named}, std::move(error));
      rows.erase(named);
      if (!is_rest) return Try(std::move(rows), true);
    }
    const auto middle = rows.begin() + static_cast<std::ptrdiff_t>(rows.size() / 2);
    if (middle != rows.begin()) Try({rows.begin(), middle}, false);
    if (middle != rows.end()) Try({middle, rows.end()}, false);
  }

  void Fail(std::vector<int64_t> rows, Error error) {
    attempt_.failures.push_back({std::move(rows), std::move(error)});
  }

  const Branch& branch_;
  const Batch& numbered_;
  const bool each_row_;
  RunContext& context_;
  Attempt attempt_;
};

}  // namespace

Batch Numbered(const Batch& batch) {
  if (!batch.row_ids()) return batch;
  return {batch.schema(), batch.columns(), batch.num_rows()};
}

Batch SomeRows(const Batch& numbered, std::span<const int64_t> rows) {
  const auto num_rows = static_cast<int64_t>(rows.size());
  if (num_rows == numbered.num_rows()) return numbered;
  std::vector<Column> columns;
  columns.reserve(numbered.columns().size());
  for (const Column& column : numbered.columns()) columns.push_back(column.Take(rows));
  return {numbered.schema(), std::move(columns), num_rows,
          std::make_shared<const std::vector<int64_t>>(rows.begin(), rows.end())};
}

Attempt TryRows(const Branch& branch, const Batch& numbered, std::vector<int64_t> rows,
                bool each_row, RunContext& context) {
  return Trial(branch, numbered, each_row, context).Run(std::move(rows));
}

}  // namespace raceway::engine
