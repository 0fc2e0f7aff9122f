#include "engine/exec/heat.h"

#include <ATen/core/TensorBody.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "engine/exec/caught_error.h"

namespace raceway::engine {
namespace {

/// How often who waits looks at the clock and at the request: nobody calls when these change.
constexpr std::chrono::milliseconds kLook(1);

std::string ValueText(const Column& column, const Type& type, int64_t row) {
  if (column.is_text()) return ToString(Value(std::string(column.text()[row])));
  const at::Scalar value = column.Row(row).item();
  if (type.dtype == DataType::kBool) return value.toBool() ? "true" : "false";
  if (IsFloat(type.dtype)) return ToString(Value(value.toDouble()));
  return ToString(Value(value.toLong()));
}

}  // namespace

Heat::Heat(std::span<const Race::Runner> runners, Batch numbered, const Clock& clock,
           std::optional<TimePoint> deadline, Workers& workers)
    : runners_(runners),
      numbered_(std::move(numbered)),
      clock_(clock),
      workers_(workers),
      entries_(runners.size()),
      has_winner_(static_cast<size_t>(numbered_.num_rows())),
      num_open_(numbered_.num_rows()) {
  for (Entry& entry : entries_) {
    if (deadline) entry.cancel.SetDeadline(*deadline, clock);
  }
}

bool Heat::Take(size_t index, const CancelToken* parent, std::vector<int64_t>& rows) {
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_[index];
  if (is_over_ || entry.is_taken) return false;
  entry.is_taken = true;
  if (parent != nullptr) entry.cancel.SetParent(parent);
  ++num_running_;
  for (size_t row = 0; row < has_winner_.size(); ++row) {
    if (!has_winner_[row]) rows.push_back(static_cast<int64_t>(row));
  }
  return true;
}

void Heat::RunBranch(size_t index, const RunContext* outer) noexcept {
  std::vector<int64_t> rows;
  try {
    if (!Take(index, outer != nullptr ? &outer->cancel : nullptr, rows)) return;
    const BranchInput* input = outer != nullptr ? outer->branch_input : nullptr;
    RunContext context{entries_[index].cancel, clock_, input, &workers_};
    Record(index, TryRows(runners_[index].branch, numbered_, rows, true, context));
  } catch (...) {
    Attempt attempt;
    attempt.failures.push_back({std::move(rows), CaughtError()});
    Record(index, std::move(attempt));
  }
}

void Heat::Record(size_t index, Attempt attempt) {
  const std::lock_guard lock(mutex_);
  --num_running_;
  if (!is_over_) {
    entries_[index].is_through = true;
    entries_[index].failures = std::move(attempt.failures);
    for (Batch& answer : attempt.answers) Score(index, std::move(answer));
    if (num_open_ == 0) StopAll();
  }
  changed_.notify_all();
}

void Heat::Score(size_t index, Batch answer) {
  const int32_t accept = runners_[index].accept;
  const at::Tensor good =
      accept < 0 ? at::Tensor() : answer.column(static_cast<size_t>(accept)).dense().contiguous();
  for (int64_t row = 0; row < answer.num_rows(); ++row) {
    if (good.defined() && !good.const_data_ptr<bool>()[row]) continue;
    const int64_t input_row = answer.RowId(row);
    if (has_winner_[static_cast<size_t>(input_row)]) continue;
    has_winner_[static_cast<size_t>(input_row)] = true;
    --num_open_;
    picks_.push_back({input_row, parts_.size(), row});
  }
  parts_.push_back({index, std::move(answer)});
}

void Heat::StopAll() {
  is_over_ = true;
  for (Entry& entry : entries_) entry.cancel.Cancel();
}

void Heat::Wait(std::optional<TimePoint> until, const CancelToken& cancel) {
  std::unique_lock lock(mutex_);
  const bool may_end = until || cancel.may_stop();
  while (!is_over_ && num_running_ > 0) {
    if (!may_end) {
      changed_.wait(lock);
      continue;
    }
    if (cancel.Check() || (until && clock_.Now() >= *until)) return;
    changed_.wait_for(lock, kLook);
  }
}

void Heat::Close() {
  const std::lock_guard lock(mutex_);
  StopAll();
}

std::vector<int64_t> Heat::OpenRows() const {
  std::vector<int64_t> rows;
  for (size_t row = 0; row < has_winner_.size(); ++row) {
    if (!has_winner_[row]) rows.push_back(static_cast<int64_t>(row));
  }
  return rows;
}

std::string Heat::Answer(size_t index, int64_t row, std::span<const std::string> columns) const {
  for (const Attempt::Failure& failure : entries_[index].failures) {
    if (!std::binary_search(failure.rows.begin(), failure.rows.end(), row)) continue;
    Error error = failure.error;
    error.row_id = -1;  // the row is named once, in front
    return error.Text();
  }
  for (const Merge::Part& part : parts_) {
    if (part.branch != index) continue;
    for (int64_t i = 0; i < part.rows.num_rows(); ++i) {
      if (part.rows.RowId(i) != row) continue;
      std::string text;
      const Schema& schema = *part.rows.schema();
      for (size_t c = 0; c < schema.size(); ++c) {
        const bool is_shown =
            std::find(columns.begin(), columns.end(), schema[c].name) != columns.end();
        if (!is_shown || !schema[c].type.is_scalar() || schema[c].type.optional) continue;
        text += (text.empty() ? " (" : ", ") + schema[c].name + " = " +
                ValueText(part.rows.column(c), schema[c].type, i);
      }
      return "not accepted" + (text.empty() ? "" : text + ")");
    }
  }
  return entries_[index].is_through ? "no answer" : "not finished";
}

std::string Heat::WhyOpen(int64_t row, std::span<const std::string> columns) const {
  const std::lock_guard lock(mutex_);
  std::string text;
  for (size_t i = 0; i < runners_.size(); ++i) {
    text += (i > 0 ? "; " : "") + runners_[i].branch.name() + ": " + Answer(i, row, columns);
  }
  return text;
}

}  // namespace raceway::engine
