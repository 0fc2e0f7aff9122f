#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "engine/exec/compete.h"
#include "engine/exec/places.h"
#include "engine/exec/request.h"

namespace raceway::engine {

/// The runs of one call of a step that competes with itself.
///
/// Shared by those who run it: a run that lost may go on for a while after the request has.
///
/// Threads  any
class Contest : public std::enable_shared_from_this<Contest> {
 public:
  /// `owner` and what `context` names stay until an answer is given, `owner` until all runs have
  /// ended.
  Contest(const Compete& owner, schedule::RacePlan plan,
          std::shared_ptr<const schedule::Distribution> times, Batch input,
          const RunContext& context);
  ~Contest();
  Contest(const Contest&) = delete;

  /// Runs the first one here. Nothing, if another has answered or is to answer. To be called once,
  /// where the context has a request.
  std::optional<Result<Batch>> RunFirst(const Answer& answer);
  /// The same, where the answer has to come from here.
  Result<Batch> RunAndWait();

 private:
  struct Run {
    std::shared_ptr<CancelToken> cancel = std::make_shared<CancelToken>();
    TimePoint begin = {};
    std::optional<schedule::RunId> place;  // where it may be asked to make room
    bool is_running = false;
  };

  Run& AddRun(const CancelToken* outer);
  /// As the plan has it: the next copy is started when it is due.
  void AwaitCopy();
  void StartCopy();
  void RunCopy(size_t index);
  /// Runs it, and says what it decides: the answer of the call, if it does.
  std::optional<Result<Batch>> Decide(size_t index);
  std::optional<Result<Batch>> Decide(size_t index, Result<Batch> result);
  void Begin(Run& run);
  void End(Run& run);
  void StopAll();

  const Compete& owner_;
  const schedule::RacePlan plan_;
  const std::shared_ptr<const schedule::Distribution> times_;
  const Batch input_;
  const CancelToken& outer_;
  const std::optional<TimePoint> deadline_;
  const Clock& clock_;
  const BranchInput* const branch_input_;  // for the first run only
  Workers* const workers_;
  Request* const request_;  // held; null in branches

  std::mutex mutex_;  // of all below
  std::condition_variable decided_;
  Answer answer_;  // null: `won_` is waited for
  std::optional<Result<Batch>> won_;
  std::vector<std::unique_ptr<Run>> runs_;
  std::optional<schedule::RaceId> race_;
  int num_running_ = 0;
  int num_queued_ = 0;  // copies that no worker has begun
  bool is_over_ = false;
  std::vector<Error> causes_;
};

}  // namespace raceway::engine
