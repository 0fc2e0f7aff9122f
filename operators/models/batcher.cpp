#include "operators/models/batcher.h"

#include <algorithm>
#include <chrono>
#include <tuple>

#include "engine/gate.h"
#include "operators/models/inputs.h"
#include "operators/row_errors.h"

namespace raceway::operators {
namespace {

using engine::CancelToken;
using engine::Column;
using engine::Error;
using engine::ErrorCode;
using engine::Result;
using engine::TimePoint;
using engine::schedule::BatchEntry;
using engine::schedule::BatchLimits;
using engine::schedule::BatchQueue;
using engine::schedule::EntryId;
using engine::schedule::FlowId;
using engine::schedule::ShapeId;
using Columns = std::vector<Column>;

/// How often who waits without a timer looks at the clock.
constexpr std::chrono::milliseconds kLook(2);
/// Of shapes that nobody waits with any more.
constexpr size_t kMostShapes = 1024;

double SecondsOf(TimePoint time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

TimePoint TimeOf(double seconds) {
  return TimePoint(
      std::chrono::duration_cast<TimePoint::duration>(std::chrono::duration<double>(seconds)));
}

// --- one batch ---

/// Stops a batch once nobody wants its answer any more.
class BatchGate final : public engine::OperatorGate {
 public:
  explicit BatchGate(std::span<const BatchCall* const> calls) : calls_(calls) {}

  void BeforeOperator(const c10::OperatorHandle& /*op*/,
                      const torch::jit::Stack& /*stack*/) override {
    // The first who still wants it is asked; those before him have stopped for good.
    for (; at_ < calls_.size(); ++at_) {
      const std::optional<ErrorCode> stop = calls_[at_]->cancel->Check();
      if (!stop) return;
      if (at_ + 1 == calls_.size()) throw engine::Stopped{*stop};
    }
  }

 private:
  const std::span<const BatchCall* const> calls_;
  size_t at_ = 0;
};

/// Calls that run together.
struct Together {
  std::vector<const BatchCall*> calls;
  std::vector<const std::vector<int64_t>*> lengths;
  std::vector<size_t> places;  // of their results

  int64_t NumRows() const {
    int64_t num_rows = 0;
    for (const BatchCall* call : calls) num_rows += call->num_rows;
    return num_rows;
  }
  Together Part(size_t begin, size_t end) const {
    const auto cut = [&](const auto& all) {
      return std::decay_t<decltype(all)>(all.begin() + static_cast<std::ptrdiff_t>(begin),
                                         all.begin() + static_cast<std::ptrdiff_t>(end));
    };
    return {cut(calls), cut(lengths), cut(places)};
  }
};

Columns ArgsOf(const Together& batch, int64_t num_rows) {
  const std::vector<const BatchCall*>& calls = batch.calls;
  if (calls.size() == 1) return calls[0]->args;
  std::vector<std::pair<int32_t, int64_t>> from;
  from.reserve(static_cast<size_t>(num_rows));
  for (size_t i = 0; i < calls.size(); ++i) {
    for (int64_t row = 0; row < calls[i]->num_rows; ++row) {
      from.emplace_back(static_cast<int32_t>(i), row);
    }
  }
  Columns args;
  for (size_t arg = 0; arg < calls[0]->args.size(); ++arg) {
    Columns parts;
    for (const BatchCall* call : calls) parts.push_back(call->args[arg]);
    args.push_back(Column::Gather(parts, from));
  }
  return args;
}

/// Until when anybody waits for it. Who alone waits has his own token.
void SetDeadline(CancelToken& all, const Together& batch, const engine::Clock& clock) {
  TimePoint last = TimePoint::min();
  for (const BatchCall* call : batch.calls) {
    const std::optional<TimePoint> deadline = call->cancel->deadline();
    if (!deadline) return;
    last = std::max(last, *deadline);
  }
  all.SetDeadline(last, clock);
}

/// Errors   of all of them together
Result<std::vector<Columns>> RunOnce(const Together& batch, const engine::Clock& clock) {
  const int64_t num_rows = batch.NumRows();
  std::vector<int64_t> lengths;
  for (const std::vector<int64_t>* some : batch.lengths) {
    lengths.insert(lengths.end(), some->begin(), some->end());
  }
  CancelToken all;
  const bool is_alone = batch.calls.size() == 1;
  if (!is_alone) SetDeadline(all, batch, clock);
  const bool may_stop = std::all_of(batch.calls.begin(), batch.calls.end(),
                                    [](const BatchCall* call) { return call->cancel->may_stop(); });
  BatchGate gate(batch.calls);
  const Result<c10::IValue> answer = batch.calls[0]->step->Ask(
      ArgsOf(batch, num_rows), lengths, is_alone ? *batch.calls[0]->cancel : all,
      may_stop ? &gate : nullptr);
  if (!answer) return answer.error();
  // Steps may want it in different ways; mostly all are one.
  std::map<const ModelStep*, Columns> read;
  std::vector<Columns> results;
  int64_t row = 0;
  for (const BatchCall* call : batch.calls) {
    const auto [known, is_new] = read.try_emplace(call->step.get());
    if (is_new) {
      Result<Columns> columns = call->step->Read(*answer, lengths, num_rows);
      if (!columns) return std::move(columns).error();
      known->second = *std::move(columns);
    }
    if (is_alone) return std::vector<Columns>{std::move(known->second)};
    Columns& result = results.emplace_back();
    for (size_t i = 0; i < known->second.size(); ++i) {
      const bool is_read = !call->step->outcomes()[i].declared.is_unknown();
      result.push_back(is_read ? known->second[i].Slice(row, row + call->num_rows) : Column());
    }
    row += call->num_rows;
  }
  return results;
}

void RunOrHalve(const Together& batch, const engine::Clock& clock,
                std::vector<Result<Columns>>& results) {
  Result<std::vector<Columns>> once = Error{};
  try {
    once = RunOnce(batch, clock);
  } catch (const std::exception& exception) {  // no memory for the rows together
    once = Error{ErrorCode::kFailed, OneLine(exception.what())};
  }
  const size_t count = batch.calls.size();
  if (once) {
    for (size_t i = 0; i < count; ++i) results[batch.places[i]] = std::move((*once)[i]);
    return;
  }
  if (count == 1) {
    results[batch.places[0]] = std::move(once).error();
    return;
  }
  RunOrHalve(batch.Part(0, count / 2), clock, results);
  RunOrHalve(batch.Part(count / 2, count), clock, results);
}

}  // namespace

// --- who waits ---

Batcher::Batcher(BatchLimits limits, int num_instances, const engine::Clock& clock)
    : limits_(limits),
      num_instances_(num_instances),
      clock_(clock),
      queue_(limits, num_instances) {}

Batcher::~Batcher() = default;

double Batcher::Now() const { return SecondsOf(clock_.Now()); }

std::vector<EntryId> Batcher::Queue(std::vector<BatchCall> calls, Answers& answers) {
  if (waiting_.empty() && shapes_.size() > kMostShapes) shapes_.clear();
  std::vector<EntryId> own;
  for (BatchCall& call : calls) {
    if (waiting_.size() >= kMostCalls) {
      Error error = call.step->Named(
          {ErrorCode::kOverloaded, std::to_string(waiting_.size()) + " calls wait for it already"});
      answers.emplace_back(std::move(call), std::move(error));
      ++counts_.refused;
      continue;
    }
    Result<std::vector<int64_t>> lengths = call.step->LengthsOf(call.args, call.num_rows);
    if (!lengths) {
      answers.emplace_back(std::move(call), std::move(lengths).error());
      continue;
    }
    const std::string key =
        CallKey(call.args, call.step->model().parameters(), call.step->options().padding);
    const int64_t shape =
        shapes_.try_emplace(key, static_cast<int64_t>(shapes_.size())).first->second;
    const std::optional<TimePoint> deadline = call.cancel->deadline();
    const EntryId id{num_entries_++};
    const BatchEntry entry{
        .id = id,
        .rows = call.num_rows,
        .shape = ShapeId{shape},
        .deadline = deadline ? SecondsOf(*deadline) : engine::schedule::kNever,
        .flow = FlowId{static_cast<int64_t>(reinterpret_cast<uintptr_t>(call.workers))}};
    const BatchQueue::Added added = queue_.Add(entry, Now());
    Refuse(added.displaced,
           {ErrorCode::kOverloaded, "a flow that asks for less has taken its place"}, answers);
    if (!added.is_queued) {
      Error error = call.step->Named(
          {ErrorCode::kDeadlineUnreachable, "there is no time left for it before the deadline"});
      answers.emplace_back(std::move(call), std::move(error));
      ++counts_.refused;
      continue;
    }
    waiting_.emplace(id, Waiting{std::move(call), *std::move(lengths)});
    own.push_back(id);
  }
  return own;
}

Batcher::Waiting Batcher::Leave(EntryId entry) {
  const auto found = waiting_.find(entry);
  Waiting waiting = std::move(found->second);
  waiting_.erase(found);
  return waiting;
}

void Batcher::Refuse(std::span<const EntryId> entries, const Error& error, Answers& answers) {
  for (const EntryId entry : entries) {
    BatchCall call = Leave(entry).call;
    Error named = call.step->Named(error);
    answers.emplace_back(std::move(call), std::move(named));
    ++counts_.refused;
  }
}

void Batcher::Give(Answers&& answers, Lock& lock) {
  if (answers.empty()) return;
  lock.unlock();
  for (auto& [call, result] : answers) call.answer(std::move(result));
  lock.lock();
}

bool Batcher::IsAnyWaiting(const std::vector<EntryId>& entries) const {
  return std::any_of(entries.begin(), entries.end(),
                     [this](EntryId entry) { return waiting_.contains(entry); });
}

void Batcher::Add(std::vector<BatchCall> calls) {
  Answers answers;
  Lock lock(mutex_);
  const std::vector<EntryId> own = Queue(std::move(calls), answers);
  Give(std::move(answers), lock);
  Lead(lock, &own);
  LookAtDeadlines();
}

void Batcher::AddAndWait(std::vector<BatchCall> calls) {
  Sleeper sleeper;
  sleeper.num_open = calls.size();
  const bool has_timer = std::all_of(calls.begin(), calls.end(),
                                     [](const BatchCall& call) { return call.workers != nullptr; });
  for (BatchCall& call : calls) {
    call.answer = [this, &sleeper, answer = std::move(call.answer)](Result<Columns> result) {
      answer(std::move(result));
      const std::lock_guard lock(mutex_);  // until the end: the sleeper goes once it is awake
      if (--sleeper.num_open == 0) sleeper.changed.notify_one();
    };
  }
  Answers answers;
  Lock lock(mutex_);
  sleeper.own = Queue(std::move(calls), answers);
  Give(std::move(answers), lock);
  sleepers_.push_back(&sleeper);
  while (sleeper.num_open > 0) {
    Lead(lock, &sleeper.own);
    if (sleeper.num_open == 0) break;
    LookAtDeadlines();
    const auto is_awake = [&sleeper] { return sleeper.num_open == 0 || sleeper.is_called; };
    if (has_timer) {
      sleeper.changed.wait(lock, is_awake);
    } else if (!sleeper.changed.wait_for(lock, kLook, is_awake)) {
      LetStoppedGo(lock);
    }
    if (std::exchange(sleeper.is_called, false)) --num_called_;
  }
  std::erase(sleepers_, &sleeper);
  if (!sleeper.is_called) return;
  --num_called_;
  CallLeader();
}

void Batcher::Lead(Lock& lock, const std::vector<EntryId>* own) {
  while (num_running_ < num_instances_ && !waiting_.empty()) {
    if (own != nullptr && !IsAnyWaiting(*own)) return CallLeader();
    const BatchQueue::Taken taken = queue_.Take(Now());
    Answers answers;
    Refuse(taken.late,
           {ErrorCode::kDeadlineUnreachable, "there was no time left for it before the deadline"},
           answers);
    std::vector<Waiting> batch;
    for (const EntryId entry : taken.batch) batch.push_back(Leave(entry));
    const bool is_idle = batch.empty() && answers.empty();
    if (!batch.empty()) ++num_running_;
    Give(std::move(answers), lock);
    if (!batch.empty()) RunAndAnswer(std::move(batch), own, lock);
    if (is_idle) {
      if (taken.ask_again) LookAt(TimeOf(*taken.ask_again));
      return;
    }
  }
}

void Batcher::RunAndAnswer(std::vector<Waiting> batch, const std::vector<EntryId>* own,
                           Lock& lock) {
  lock.unlock();
  std::vector<Result<Columns>> results(batch.size(), Error{});
  Together together;
  for (size_t i = 0; i < batch.size(); ++i) {
    if (const auto stop = batch[i].call.cancel->Check()) {
      results[i] = StopError(*stop);
      continue;
    }
    together.calls.push_back(&batch[i].call);
    together.lengths.push_back(&batch[i].lengths);
    together.places.push_back(i);
  }
  const TimePoint begin = clock_.Now();
  if (!together.calls.empty()) RunOrHalve(together, clock_, results);
  const std::chrono::duration<double> took = clock_.Now() - begin;
  const bool has_failed = std::any_of(together.places.begin(), together.places.end(),
                                      [&](size_t place) { return !results[place].ok(); });
  lock.lock();
  --num_running_;
  ++counts_.batches;
  counts_.calls += static_cast<int64_t>(together.calls.size());
  counts_.rows += together.NumRows();
  if (together.calls.empty() || has_failed) {
    queue_.Left();
  } else {
    queue_.Ended(together.NumRows(), took.count());
  }
  // Its own answers come next: others need not wait for what is done with them.
  if (own != nullptr && !IsAnyWaiting(*own)) CallLeader();
  Answers answers;
  for (size_t i = 0; i < batch.size(); ++i) {
    answers.emplace_back(std::move(batch[i].call), std::move(results[i]));
  }
  Give(std::move(answers), lock);
}

void Batcher::CallLeader() {
  if (waiting_.empty() || num_running_ + num_called_ >= num_instances_) return;
  for (Sleeper* sleeper : sleepers_) {
    if (sleeper->is_called || !IsAnyWaiting(sleeper->own)) continue;
    sleeper->is_called = true;
    ++num_called_;
    sleeper->changed.notify_one();
    return;
  }
  for (const auto& [entry, waiting] : waiting_) {
    if (waiting.call.workers == nullptr) continue;
    ++num_called_;
    waiting.call.workers->Start([self = shared_from_this()] {
      Lock lock(self->mutex_);
      --self->num_called_;
      self->Lead(lock, nullptr);
      self->LookAtDeadlines();
    });
    return;
  }
}

void Batcher::LookAt(TimePoint time) {
  if (look_at_ && *look_at_ <= time) return;
  for (const auto& [entry, waiting] : waiting_) {
    if (waiting.call.workers == nullptr) continue;
    look_at_ = time;
    waiting.call.workers->At(time, [self = weak_from_this()] {
      if (const auto there = self.lock()) there->OnTime();
    });
    return;
  }
}

void Batcher::LookAtDeadlines() {
  std::optional<TimePoint> next;
  for (const auto& [entry, waiting] : waiting_) {
    const std::optional<TimePoint> deadline = waiting.call.cancel->deadline();
    if (deadline && (!next || *deadline < *next)) next = deadline;
  }
  if (next) LookAt(*next);
}

void Batcher::OnTime() {
  Lock lock(mutex_);
  look_at_.reset();
  CallLeader();
  LetStoppedGo(lock);
  LookAtDeadlines();
}

void Batcher::LetStoppedGo(Lock& lock) {
  Answers answers;
  std::vector<std::pair<EntryId, ErrorCode>> stopped;
  for (const auto& [entry, waiting] : waiting_) {
    if (const auto stop = waiting.call.cancel->Check()) stopped.emplace_back(entry, *stop);
  }
  for (const auto& [entry, code] : stopped) {
    queue_.Remove(entry);
    answers.emplace_back(Leave(entry).call, StopError(code));
  }
  Give(std::move(answers), lock);
}

Batcher::Counts Batcher::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

std::shared_ptr<Batcher> ShareBatcher(const ModelStep& step, const BatchLimits& limits) {
  using Key = std::tuple<const LoadedModel*, int64_t, double, bool, int, int, std::string>;
  static const engine::SteadyClock clock;
  static std::mutex mutex;
  static auto* batchers = new std::map<Key, std::weak_ptr<Batcher>>();
  const ModelOptions& options = step.options();
  std::string padding;
  for (const auto* places : {&options.padding.inputs, &options.padding.outputs}) {
    for (const Padding::Place& place : *places) {
      padding += std::to_string(place.column) + "." + std::to_string(place.dim) + " ";
    }
    padding += "/";
  }
  const Key key(&step.model(), limits.max_rows, limits.wait, limits.adaptive, options.num_instances,
                options.num_threads, padding);
  const std::lock_guard lock(mutex);
  std::erase_if(*batchers, [](const auto& known) { return known.second.expired(); });
  std::weak_ptr<Batcher>& known = (*batchers)[key];
  if (std::shared_ptr<Batcher> shared = known.lock()) return shared;
  auto made = std::make_shared<Batcher>(limits, std::max(1, options.num_instances), clock);
  known = made;
  return made;
}

}  // namespace raceway::operators
