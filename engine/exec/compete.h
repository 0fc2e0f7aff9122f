#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <utility>

#include "engine/operator.h"
#include "engine/schedule/race_plan.h"
#include "engine/schedule/service_times.h"
#include "engine/workers.h"

namespace raceway::engine {

/// What `compete { … }` asks of a step; times in nanoseconds.
struct CompeteHints {
  std::optional<int> replicas;                    // runs of a call, with the first
  std::optional<std::chrono::nanoseconds> delay;  // of each run behind the one before
  std::optional<double> quantile;  // or the time that such a share of calls does not exceed
  std::optional<double> budget;    // most extra runs, to those without
  bool cancels = true;             // losers are stopped
  bool adaptive = false;           // runs and delays are chosen, within the budget

  /// Nothing where there is no such hint.
  ///
  /// Errors   InvalidArgument for values that no compiler writes
  static Result<std::optional<CompeteHints>> Read(std::span<const HintSpec> hints);
};

/// Runs of one step race for each call: the same operator on the same rows, several times, started
/// one after the other as long as there is no answer. The first answer wins, the others are stopped
/// and dropped. A run that fails does not win while another may; if all fail, the error has all
/// causes.
///
/// Explicit: `replicas` runs, each `delay` behind the one before, at once if none is written; with
/// a
///           delay alone it is two. A delay that is a quantile is known after
///           `ServiceTimes::kFewest` calls, until then there are no copies.
/// Adaptive: `schedule::BestRace` chooses by the times of the step, within the budget (10 %).
/// Copies
///           take places that nobody else wants, and give them up (`Places`).
///
/// The first run is that of the thread that has the rows, copies are run by workers. Where a copy
/// wins, the request goes on there (`Start`); in a branch it goes on once the first run has ended.
///
/// Threads  any
class Compete final : public Operator {
 public:
  Compete(std::unique_ptr<Operator> racer, CompeteHints hints);
  ~Compete() override;

  Result<Batch> Run(Batch input, RunContext& context) const override;
  bool may_answer_later() const override { return true; }
  std::optional<Result<Batch>> Start(Batch input, RunContext& context,
                                     const Answer& answer) const override;
  bool is_row_wise() const override { return racer_->is_row_wise(); }

  const Operator& racer() const { return *racer_; }
  const CompeteHints& hints() const { return hints_; }
  schedule::ServiceTimes& times() const { return times_; }

  /// Whether one more copy is within a budget that was written; if so it counts.
  bool TakeFromBudget() const;

 private:
  /// What was learned of the times, as of some calls ago.
  struct Learned {
    std::shared_ptr<const schedule::Distribution> times;
    schedule::RacePlan plan;
    int64_t next_at = 0;  // calls
  };

  std::pair<schedule::RacePlan, std::shared_ptr<const schedule::Distribution>> PlanNow() const;
  schedule::RacePlan PlanOf(const schedule::Distribution& times) const;

  const std::unique_ptr<Operator> racer_;
  const CompeteHints hints_;
  mutable schedule::ServiceTimes times_;
  mutable std::atomic<int64_t> num_calls_ = 0;
  mutable std::atomic<int64_t> num_copies_ = 0;
  mutable std::mutex mutex_;  // of what follows, held while a pointer is copied, or once in a while
  mutable Learned learned_;
};

}  // namespace raceway::engine
