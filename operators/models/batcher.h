#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/cancel.h"
#include "engine/clock.h"
#include "engine/data/column.h"
#include "engine/result.h"
#include "engine/schedule/batch_queue.h"
#include "engine/workers.h"
#include "operators/models/model_step.h"

namespace raceway::operators {

/// Rows of one request that may go into one call of a model, together with others.
struct BatchCall {
  std::shared_ptr<const ModelStep> step;
  std::vector<engine::Column> args;
  int64_t num_rows = 0;
  const engine::CancelToken* cancel = nullptr;  // lives until the answer
  engine::Workers* workers = nullptr;           // likewise; null: who adds it waits for it
  /// Called once, without a lock; must not throw.
  std::function<void(engine::Result<std::vector<engine::Column>>)> answer;
};

/// Runs the calls of one model, several in one batch where that pays, and no more batches at once
/// than there are instances (`schedule::BatchQueue` decides).
///
/// It has no threads: whoever adds a call runs batches as long as an instance is free, until its
/// own call has been taken; then a worker of a call that waits goes on.
///
/// A batch that fails is run again in halves, so that an error is one of its own call. A call that
/// is cancelled leaves at the next batch, one whose deadline passes at once.
///
/// Copies   none for a batch of one call, else its rows once; answers are views
/// Threads  any
class Batcher : public std::enable_shared_from_this<Batcher> {
 public:
  /// Calls that wait at most; beyond them they are refused.
  static constexpr size_t kMostCalls = 10'000;

  /// `clock` outlives it.
  Batcher(engine::schedule::BatchLimits limits, int num_instances, const engine::Clock& clock);
  ~Batcher();
  Batcher(const Batcher&) = delete;

  /// Returns when none of `calls` waits any more, or another thread is to run them. All have
  /// been or will be answered.
  void Add(std::vector<BatchCall> calls);
  /// As `Add`, but returns when all of `calls` are answered.
  void AddAndWait(std::vector<BatchCall> calls);

  struct Counts {
    int64_t batches = 0;
    int64_t calls = 0;  // that were run in them
    int64_t rows = 0;
    int64_t refused = 0;  // and never run
  };
  Counts counts() const;

 private:
  using EntryId = engine::schedule::EntryId;
  using Columns = std::vector<engine::Column>;
  /// A call that waits.
  struct Waiting {
    BatchCall call;
    std::vector<int64_t> lengths;
  };
  /// A thread that can do nothing before its calls are answered.
  struct Sleeper {
    std::vector<EntryId> own;
    size_t num_open = 0;     // of its calls
    bool is_called = false;  // to run what waits
    std::condition_variable changed;
  };
  /// What is to be answered once the lock is gone.
  using Answers = std::vector<std::pair<BatchCall, engine::Result<Columns>>>;
  using Lock = std::unique_lock<std::mutex>;

  std::vector<EntryId> Queue(std::vector<BatchCall> calls, Answers& answers);
  Waiting Leave(EntryId entry);
  void Refuse(std::span<const EntryId> entries, const engine::Error& error, Answers& answers);
  static void Give(Answers&& answers, Lock& lock);
  bool IsAnyWaiting(const std::vector<EntryId>& entries) const;
  /// Runs batches while an instance is free, until none of `own` waits; null: until nothing does.
  void Lead(Lock& lock, const std::vector<EntryId>* own);
  void RunAndAnswer(std::vector<Waiting> batch, const std::vector<EntryId>* own, Lock& lock);
  /// Somebody else is to run what waits, if an instance is free.
  void CallLeader();
  /// To look again at `time`, for whoever waits.
  void LookAt(engine::TimePoint time);
  void LookAtDeadlines();
  void OnTime();
  void LetStoppedGo(Lock& lock);
  double Now() const;

  const engine::schedule::BatchLimits limits_;
  const int num_instances_;
  const engine::Clock& clock_;

  mutable std::mutex mutex_;  // of all below
  engine::schedule::BatchQueue queue_;
  std::map<EntryId, Waiting> waiting_;
  std::unordered_map<std::string, int64_t> shapes_;
  std::vector<Sleeper*> sleepers_;
  int num_running_ = 0;
  int num_called_ = 0;  // workers that were asked to lead and have not begun
  int64_t num_entries_ = 0;
  std::optional<engine::TimePoint> look_at_;
  Counts counts_;
};

/// The one that all steps share which call a model in the same way.
std::shared_ptr<Batcher> ShareBatcher(const ModelStep& step,
                                      const engine::schedule::BatchLimits& limits);

}  // namespace raceway::operators
