#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/exec/attempt.h"
#include "engine/exec/race.h"

namespace raceway::engine {

/// One race of one batch: who runs which branch, and who has won which row.
///
/// Shared by those who run branches: a branch that lost may run on for a while after the race.
///
/// Threads  all functions may be called from any, `Close` and what is behind it by the owner
class Heat {
 public:
  /// `numbered` has its rows numbered from 0. Branches stop at `deadline`. `runners`, `clock` and
  /// `workers` outlive the heat.
  Heat(std::span<const Race::Runner> runners, Batch numbered, const Clock& clock,
       std::optional<TimePoint> deadline, Workers& workers);
  Heat(const Heat&) = delete;

  /// Runs branch `index` on the rows that have no answer, unless somebody has done so or nothing is
  /// left to win. `outer`, of who waits for it, outlives the call; its token stops it too.
  void RunBranch(size_t index, const RunContext* outer) noexcept;
  /// Waits for branches under way until nothing is left to win, or `until` or `cancel` ends it.
  void Wait(std::optional<TimePoint> until, const CancelToken& cancel);
  /// Ends the race: stops who is still running. What they bring is dropped.
  void Close();

  // After `Close`:
  std::vector<int64_t> OpenRows() const;
  const std::vector<Merge::Part>& parts() const { return parts_; }
  const std::vector<Merge::Pick>& picks() const { return picks_; }
  /// Why nobody won `row`: what became of it in each branch.
  std::string WhyOpen(int64_t row, std::span<const std::string> columns) const;

 private:
  struct Entry {
    CancelToken cancel;
    bool is_taken = false;
    bool is_through = false;
    std::vector<Attempt::Failure> failures;
  };

  bool Take(size_t index, const CancelToken* parent, std::vector<int64_t>& rows);
  void Record(size_t index, Attempt attempt);
  void Score(size_t index, Batch answer);
  void StopAll();
  std::string Answer(size_t index, int64_t row, std::span<const std::string> columns) const;

  const std::span<const Race::Runner> runners_;
  const Batch numbered_;
  const Clock& clock_;
  Workers& workers_;

  mutable std::mutex mutex_;  // of all below, but for tokens, which their branch asks
  std::condition_variable changed_;
  std::vector<Entry> entries_;
  std::vector<bool> has_winner_;  // by row
  int64_t num_open_ = 0;
  int num_running_ = 0;
  bool is_over_ = false;
  std::vector<Merge::Part> parts_;
  std::vector<Merge::Pick> picks_;
};

}  // namespace raceway::engine
