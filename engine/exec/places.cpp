#include "engine/exec/places.h"

#include <utility>

namespace raceway::engine {

using schedule::RunId;

RunId Places::AddRun(schedule::RaceId race, std::shared_ptr<const schedule::Distribution> times,
                     TimePoint since, std::shared_ptr<CancelToken> cancel) {
  const std::lock_guard lock(mutex_);
  const RunId run = room_.StartFirst(race, std::move(times), since);
  runs_.emplace(run, std::move(cancel));
  num_runs_.store(static_cast<int>(runs_.size()), std::memory_order_relaxed);
  return run;
}

void Places::EndRun(RunId run) {
  const std::lock_guard lock(mutex_);
  room_.End(run);
  runs_.erase(run);
  num_runs_.store(static_cast<int>(runs_.size()), std::memory_order_relaxed);
}

void Places::GiveUp() {
  const std::lock_guard lock(mutex_);
  const std::optional<RunId> run = room_.GiveUp(clock_.Now());
  if (!run) return;
  const auto found = runs_.find(*run);
  found->second->Cancel();
  runs_.erase(found);
  num_runs_.store(static_cast<int>(runs_.size()), std::memory_order_relaxed);
}

}  // namespace raceway::engine
