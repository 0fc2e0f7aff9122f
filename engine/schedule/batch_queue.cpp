#include "engine/schedule/batch_queue.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace raceway::engine::schedule {
namespace {

constexpr double kMargin = 1.1;  // of what batches are expected to take

}  // namespace

int64_t BatchQueue::MostRows() const {
  return limits_.adaptive ? times_.BestRows(limits_.max_rows) : limits_.max_rows;
}

double BatchQueue::NextFree(double now) const {
  if (ends_.size() < static_cast<size_t>(num_instances_)) return now;
  return std::max(now, *std::min_element(ends_.begin(), ends_.end()));
}

int64_t BatchQueue::RowsAhead(const Key& key) const {
  int64_t ahead = num_rows_;
  for (auto it = waiting_.rbegin(); it != waiting_.rend() && it->first > key; ++it) {
    ahead -= it->second.entry.rows;
  }
  return ahead;
}

double BatchQueue::EndBehind(int64_t ahead, int64_t rows, double now) const {
  const int64_t most = MostRows();
  const int64_t num_whole = ahead / most;
  const auto whole = static_cast<double>(num_whole);
  // Where a batch is waited for, others come that fill the next one.
  const int64_t last = std::max(rows, num_whole > 0 ? most : std::min(ahead + rows, most));
  return NextFree(now) +
         kMargin * (whole / num_instances_ * times_.Expect(most) + times_.Expect(last));
}

std::vector<EntryId> BatchQueue::Displace(const BatchEntry& entry, const Key& key, int64_t ahead,
                                          double now) const {
  std::vector<EntryId> displaced;
  std::map<FlowId, Flow> flows = flows_;
  Flow& own = flows[entry.flow];
  own = {own.rows + entry.rows, entry.weight};
  for (auto it = waiting_.rbegin(); it != waiting_.rend(); ++it) {
    const BatchEntry& other = it->second.entry;
    if (it->first > key || other.flow == entry.flow) continue;
    Flow& theirs = flows[other.flow];
    const auto kept = static_cast<double>(theirs.rows - other.rows);
    if (kept / theirs.weight < static_cast<double>(own.rows) / own.weight) continue;
    theirs.rows -= other.rows;
    ahead -= other.rows;
    displaced.push_back(other.id);
    if (EndBehind(ahead, entry.rows, now) <= entry.deadline) return displaced;
  }
  return {};
}

BatchQueue::Added BatchQueue::Add(BatchEntry entry, double now) {
  arrivals_.Add(entry.rows, now);
  const Key key(std::min(entry.deadline, now + kPatience), num_added_++);
  Added added;
  const bool may_be_late = limits_.refuses_early && entry.deadline != kNever;
  const int64_t ahead = may_be_late ? RowsAhead(key) : 0;
  if (may_be_late && EndBehind(ahead, entry.rows, now) > entry.deadline) {
    added.displaced = Displace(entry, key, ahead, now);
    added.is_queued = !added.displaced.empty();
    if (!added.is_queued) return added;
    for (const EntryId id : added.displaced) Remove(id);
  }
  num_rows_ += entry.rows;
  Flow& flow = flows_[entry.flow];
  flow = {flow.rows + entry.rows, entry.weight};
  keys_.emplace(entry.id, key);
  waiting_.emplace(key, Waiting{entry, now});
  return added;
}

void BatchQueue::Remove(EntryId id) {
  const auto key = keys_.find(id);
  if (key == keys_.end()) return;
  const auto waiting = waiting_.find(key->second);
  const BatchEntry& entry = waiting->second.entry;
  num_rows_ -= entry.rows;
  const auto flow = flows_.find(entry.flow);
  if ((flow->second.rows -= entry.rows) == 0) flows_.erase(flow);
  waiting_.erase(waiting);
  keys_.erase(key);
}

/// Left at once, n rows take L(n), and the next one, which comes after g, waits for the rest of
/// that and takes L(1); together they take g + L(n + 1).
bool BatchQueue::IsWorthWaiting(int64_t rows, double gap) const {
  const auto n = static_cast<double>(rows);
  const double now = times_.Expect(rows);
  const double apart = n * now + std::max(0.0, now - gap) + times_.Expect(1);
  const double together = n * (gap + times_.Expect(rows + 1)) + times_.Expect(rows + 1);
  return together < apart;
}

void BatchQueue::Ended(int64_t rows, double seconds) {
  times_.Add(rows, seconds);
  Left();
}

void BatchQueue::Left() {
  if (!ends_.empty()) ends_.erase(std::min_element(ends_.begin(), ends_.end()));
}

void BatchQueue::DropLate(double now, std::vector<EntryId>& late) {
  for (const auto& [key, waiting] : waiting_) {
    if (key.first > now + times_.Expect(limits_.max_rows)) break;
    if (now + times_.Expect(waiting.entry.rows) > waiting.entry.deadline) {
      late.push_back(waiting.entry.id);
    }
  }
  for (const EntryId id : late) Remove(id);
}

BatchQueue::Choice BatchQueue::Choose(double now, bool holds_up) const {
  Choice choice;
  const int64_t most = MostRows();
  const ShapeId shape = waiting_.begin()->second.entry.shape;
  int64_t all = 0;  // rows of the shape
  for (const auto& [key, waiting] : waiting_) {
    if (waiting.entry.shape == shape) all += waiting.entry.rows;
    if (all >= most) break;
  }
  const double whole_ends = now + times_.Expect(std::min(all, most));
  for (const auto& [key, waiting] : waiting_) {
    const BatchEntry& entry = waiting.entry;
    if (entry.shape != shape) continue;
    if (!choice.batch.empty() && choice.rows + entry.rows > most) break;
    if (!holds_up && whole_ends > entry.deadline) {
      choice.dropped.push_back(entry.id);
      continue;
    }
    const double end = now + times_.Expect(choice.rows + entry.rows);
    if (!choice.batch.empty() && end > std::min(choice.deadline, entry.deadline)) {
      choice.is_cut = true;
      break;
    }
    choice.batch.push_back(entry.id);
    choice.rows += entry.rows;
    choice.since = std::min(choice.since, waiting.since);
    choice.deadline = std::min(choice.deadline, entry.deadline);
  }
  return choice;
}

/// Whether the last in line still ends in time if `choice` runs first.
bool BatchQueue::LeavesTime(const Choice& choice, double now) const {
  const BatchEntry& last = waiting_.rbegin()->second.entry;
  const int64_t behind = num_rows_ - choice.rows - last.rows;
  const int64_t most = MostRows();
  const double batches = std::ceil(static_cast<double>(behind + last.rows) / most);
  return now + times_.Expect(choice.rows) + batches / num_instances_ * times_.Expect(most) <=
         last.deadline;
}

BatchQueue::Taken BatchQueue::Take(double now) {
  Taken taken;
  if (limits_.refuses_early) DropLate(now, taken.late);
  if (waiting_.empty()) return taken;
  Choice choice = Choose(now, true);
  if (choice.is_cut && limits_.refuses_early && !LeavesTime(choice, now)) {
    Choice other = Choose(now, false);
    if (!other.batch.empty()) choice = std::move(other);
  }
  if (choice.rows < MostRows() && !choice.is_cut) {
    const double gap = arrivals_.ExpectGap(now);
    const double latest =
        std::min(choice.since + limits_.wait, choice.deadline - times_.Expect(choice.rows + 1));
    if (now + gap < latest && IsWorthWaiting(choice.rows, gap)) {
      taken.ask_again = std::min(now + 2 * gap, latest);
      return taken;
    }
  }
  for (const EntryId id : choice.dropped) {
    taken.late.push_back(id);
    Remove(id);
  }
  for (const EntryId id : choice.batch) Remove(id);
  taken.batch = std::move(choice.batch);
  taken.rows = choice.rows;
  ends_.push_back(now + times_.Expect(taken.rows));
  return taken;
}

}  // namespace raceway::engine::schedule
