#include "engine/exec/contest.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "engine/exec/caught_error.h"

namespace raceway::engine {
namespace {

/// How soon a copy asks again for a place, at the earliest.
constexpr std::chrono::milliseconds kAskAgain(1);

std::chrono::nanoseconds ToTime(double seconds) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
      std::chrono::duration<double>(seconds));
}

/// Of all runs that failed: what they say, each thing once.
Error AllOf(const std::vector<Error>& causes) {
  Error all = causes.front();
  std::vector<std::string> said = {all.message};
  for (const Error& cause : causes) {
    if (std::find(said.begin(), said.end(), cause.message) != said.end()) continue;
    said.push_back(cause.message);
    all.message += "; another run: " + cause.message;
  }
  return all;
}

}  // namespace

Contest::Contest(const Compete& owner, schedule::RacePlan plan,
                 std::shared_ptr<const schedule::Distribution> times, Batch input,
                 const RunContext& context)
    : owner_(owner),
      plan_(plan),
      times_(std::move(times)),
      input_(std::move(input)),
      outer_(context.cancel),
      deadline_(context.cancel.deadline()),
      clock_(context.clock),
      branch_input_(context.branch_input),
      workers_(context.workers),
      request_(context.request) {
  if (request_ != nullptr) request_->Hold();
}

Contest::~Contest() {
  if (request_ != nullptr) request_->LetGo();
}

std::optional<Result<Batch>> Contest::RunFirst(const Answer& answer) {
  {
    const std::lock_guard lock(mutex_);
    answer_ = answer;
    Begin(AddRun(&outer_));
  }
  AwaitCopy();
  return Decide(0);
}

Result<Batch> Contest::RunAndWait() {
  {
    const std::lock_guard lock(mutex_);
    Begin(AddRun(&outer_));
  }
  AwaitCopy();
  std::optional<Result<Batch>> decided = Decide(0);
  if (decided) return *std::move(decided);
  std::unique_lock lock(mutex_);
  // Nobody calls when the request is stopped; a deadline the runs have themselves.
  while (!won_) {
    if (outer_.Check()) {
      StopAll();
      return StopError(*outer_.Check(), {});
    }
    decided_.wait_for(lock, kAskAgain);
  }
  return *std::move(won_);
}

// What belongs to the request stays with it, what belongs to a branch may go before a copy ends.
Contest::Run& Contest::AddRun(const CancelToken* outer) {
  Run& run = *runs_.emplace_back(std::make_unique<Run>());
  if (outer != nullptr) run.cancel->SetParent(outer);
  if (deadline_) run.cancel->SetDeadline(*deadline_, clock_);
  return run;
}

void Contest::Begin(Run& run) {
  run.begin = clock_.Now();
  run.is_running = true;
  ++num_running_;
}

void Contest::End(Run& run) {
  run.is_running = false;
  --num_running_;
  if (run.place) workers_->places().EndRun(*run.place);
}

void Contest::AwaitCopy() {
  if (workers_ == nullptr) return;
  if (plan_.delay <= 0) {
    for (int copy = 1; copy < plan_.copies; ++copy) StartCopy();
    return;
  }
  TimePoint due;
  {
    const std::lock_guard lock(mutex_);
    if (is_over_ || static_cast<int>(runs_.size()) >= plan_.copies) return;
    due = runs_[0]->begin + static_cast<int64_t>(runs_.size()) * ToTime(plan_.delay);
    due = std::max(due, clock_.Now() + kAskAgain);  // also where none has been free so far
  }
  workers_->At(due, [self = weak_from_this()] {
    if (const auto there = self.lock()) {
      there->StartCopy();
      there->AwaitCopy();
    }
  });
}

void Contest::StartCopy() {
  const std::lock_guard lock(mutex_);
  if (is_over_) return;
  if (owner_.hints().adaptive && !workers_->places().has_free()) return;
  if (!owner_.TakeFromBudget()) return;
  const size_t index = runs_.size();
  AddRun(request_ != nullptr ? &outer_ : nullptr);
  ++num_queued_;
  workers_->Start([self = shared_from_this(), index] { self->RunCopy(index); });
}

void Contest::RunCopy(size_t index) {
  {
    const std::lock_guard lock(mutex_);
    --num_queued_;
    if (is_over_) return;
    Run& run = *runs_[index];
    Begin(run);
    if (owner_.hints().adaptive) {
      Places& places = workers_->places();
      if (!race_) {
        race_ = places.NewRace();
        Run& first = *runs_[0];
        if (first.is_running) {
          first.place = places.AddRun(*race_, times_, first.begin, first.cancel);
        }
      }
      run.place = places.AddRun(*race_, times_, run.begin, run.cancel);
    }
  }
  std::optional<Result<Batch>> decided = Decide(index);
  if (!decided) return;
  Answer answer;
  {
    const std::lock_guard lock(mutex_);
    if (!answer_) {
      won_ = std::move(decided);
      decided_.notify_all();
      return;
    }
    answer = std::move(answer_);
  }
  answer(*std::move(decided));
}

std::optional<Result<Batch>> Contest::Decide(size_t index) {
  const Run* run = nullptr;
  {
    const std::lock_guard lock(mutex_);
    run = runs_[index].get();
  }
  RunContext context{*run->cancel, clock_, index == 0 ? branch_input_ : nullptr, workers_};
  try {
    return Decide(index, owner_.racer().Run(input_, context));
  } catch (...) {
    return Decide(index, CaughtError());
  }
}

std::optional<Result<Batch>> Contest::Decide(size_t index, Result<Batch> result) {
  const std::lock_guard lock(mutex_);
  Run& run = *runs_[index];
  End(run);
  const std::chrono::nanoseconds took = clock_.Now() - run.begin;
  const bool was_stopped = run.cancel->Check().has_value();
  if (result) {
    owner_.times().AddEnded(took);
  } else if (was_stopped) {
    owner_.times().AddStopped(took);
  }
  if (is_over_) return std::nullopt;
  // The request's own end decides, and so does an answer.
  if (result || (outer_.Check() && was_stopped)) {
    StopAll();
    return result;
  }
  // Who made room for others is no cause: another run is under way.
  if (!was_stopped) causes_.push_back(result.error());
  if (num_running_ + num_queued_ > 0) return std::nullopt;
  StopAll();
  if (causes_.empty()) return result;
  return AllOf(causes_);
}

void Contest::StopAll() {
  is_over_ = true;
  if (!owner_.hints().cancels) return;
  for (const std::unique_ptr<Run>& run : runs_) run->cancel->Cancel();
}

}  // namespace raceway::engine
