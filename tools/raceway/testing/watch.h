#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/clock.h"
#include "engine/data/batch.h"
#include "engine/operator.h"
#include "engine/plan/physical_plan.h"
#include "engine/result.h"
#include "engine/value.h"

/// Stubs, counted calls and a clock that nobody waits for: what stands between a plan and the
/// functions it calls while a test runs.
namespace raceway::tools {

/// Moves only when a slow stub moves it.
class VirtualClock final : public engine::Clock {
 public:
  engine::TimePoint Now() const override {
    return engine::TimePoint(std::chrono::nanoseconds(now_.load(std::memory_order_acquire)));
  }
  /// Never back.
  void AdvanceTo(engine::TimePoint time);

 private:
  std::atomic<int64_t> now_ = 0;
};

/// What a stub says when it is called.
struct StubAnswer {
  std::chrono::nanoseconds delay{0};
  std::optional<std::string> failure;
  engine::Value row;
};

struct Stub {
  std::vector<StubAnswer> answers;
  bool is_list = false;  // one for each call, else the one for all
};

/// The functions of a flow under test. A call is a row: a batch of three rows is three calls, in
/// the order of the rows.
///
/// Threads  its functions may be called from any thread, but `Watch` and the deployment after it
class FunctionWatch {
 public:
  /// `clock` outlives it. `real`: models without a stub run.
  FunctionWatch(VirtualClock& clock, bool real) : clock_(clock), real_(real) {}
  FunctionWatch(const FunctionWatch&) = delete;

  void Add(const std::string& function, Stub stub) { stubs_[function] = std::move(stub); }

  /// The plan with every call of a function going through this object, all in one thread. The
  /// plan's operators must be made by `Factories`, in this thread, before another watch is used.
  engine::PhysicalPlan Watch(engine::PhysicalPlan plan);
  /// All operators of the release, and the one that `Watch` puts into plans.
  static engine::OperatorFactories Factories();

  /// Columns of one of the plan's results that nobody knows: a model without a stub was called, and
  /// they are its answers, which the flow only hands on. (If it computes with them, that is a
  /// complaint.)
  std::vector<std::string> UnknownColumns(size_t result) const;

  int64_t Calls(const std::string& function) const;
  /// Their arguments, a record for each call.
  engine::Value Args(const std::string& function) const;
  /// Since the last call of this function: the longest way through the plan, its branches side by
  /// side.
  std::chrono::nanoseconds TakeLatency(const engine::PhysicalPlan& plan);
  /// What is wrong with the test rather than with the flow: a model without a stub was called, or a
  /// list of answers has run out. Whatever the flow makes of it, the test fails.
  std::optional<std::string> complaint() const;

 private:
  friend class WatchedFunction;
  struct Unknown {
    std::string function;
    size_t result;
    std::string column;
  };
  using Arguments = std::vector<std::pair<std::string, std::pair<engine::Type, engine::Column>>>;

  /// Answers of a stub for `num_rows` calls; an error if it cannot.
  engine::Result<std::vector<StubAnswer>> Answer(const std::string& function, int64_t num_rows);
  void NoteCalls(const std::string& function, Arguments arguments, int64_t num_rows);
  void NoteTime(size_t stage, std::chrono::nanoseconds time);
  engine::Error Complain(std::string message);

  VirtualClock& clock_;
  const bool real_;
  std::map<std::string, Stub> stubs_;
  std::vector<Unknown> unknown_;
  mutable std::mutex mutex_;  // of what follows
  std::map<std::string, int64_t> num_calls_;
  std::map<std::string, std::vector<Arguments>> arguments_;
  std::map<size_t, std::chrono::nanoseconds> times_;  // by stage
  std::optional<std::string> complaint_;
};

}  // namespace raceway::tools
