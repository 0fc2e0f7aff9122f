#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "engine/schedule/batch_times.h"

namespace raceway::engine::schedule {

enum class EntryId : int64_t {};
/// Rows that may be in one batch have the same.
enum class ShapeId : int64_t {};
/// Whose entries share the room of the queue.
enum class FlowId : int64_t {};

constexpr double kNever = std::numeric_limits<double>::infinity();

struct BatchLimits {
  int64_t max_rows = 32;
  double wait = kNever;   // seconds at most, while an instance is free
  bool adaptive = false;  // no more rows than pay (`BatchTimes::BestRows`)
  /// Refuse what cannot be answered in time. Off only to see what it is good for.
  bool refuses_early = true;
};

struct BatchEntry {
  EntryId id;
  int64_t rows = 1;
  ShapeId shape = {};
  double deadline = kNever;  // for the end of its batch
  FlowId flow = {};
  double weight = 1;  // of its flow, to those of others
};

/// Who waits for an instance of a model, and which of them go together.
///
/// The entry with the earliest deadline goes next, with all of its shape that fit, again by their
/// deadlines; one without a deadline as if it had `kPatience`. It goes at once if an instance is
/// free, unless it is quicker for all to wait for the next row, and never so long that it would be
/// late. A batch larger than `max_rows` is only one entry's.
///
/// Where there is no time for all, an entry takes the place of one whose flow has more rows in line
/// for its weight, the last that is ahead of it. So flows that ask for too much get their shares,
/// and one that asks for less than its share gets all of it.
///
/// Source   waiting for the next row, which comes after g: all that wait end later by g and by what
///          that row adds to the batch; it does not wait for the batch to end, nor run alone
/// Threads  none of its own, no lock: one thread at a time. Time comes as an argument, in seconds
class BatchQueue {
 public:
  static constexpr double kPatience = 1;

  explicit BatchQueue(BatchLimits limits, int num_instances = 1)
      : limits_(limits), num_instances_(num_instances) {}

  struct Added {
    bool is_queued = true;           // false: it would end after its deadline
    std::vector<EntryId> displaced;  // no longer queued
  };
  Added Add(BatchEntry entry, double now);
  /// It waits no longer.
  void Remove(EntryId entry);

  struct Taken {
    std::vector<EntryId> batch;
    int64_t rows = 0;
    std::vector<EntryId> late;        // they can no longer be answered in time
    std::optional<double> ask_again;  // where there is no batch yet: then, or when one is added
  };
  /// What a free instance is to run now.
  Taken Take(double now);
  /// A batch that was taken has run: it is learned from.
  void Ended(int64_t rows, double seconds);
  /// A batch that was taken did not run, or not to its end.
  void Left();

  bool is_empty() const { return waiting_.empty(); }
  int64_t num_rows() const { return num_rows_; }

 private:
  struct Waiting {
    BatchEntry entry;
    double since;
  };
  struct Flow {
    int64_t rows = 0;
    double weight = 1;
  };
  using Key = std::pair<double, int64_t>;  // when it should have ended, and who came first

  int64_t MostRows() const;
  /// Rows with earlier keys.
  int64_t RowsAhead(const Key& key) const;
  /// When `rows` more would have run, behind `ahead` others.
  double EndBehind(int64_t ahead, int64_t rows, double now) const;
  /// Whose place it takes of those in `ahead` rows; none if nobody has more than its share.
  std::vector<EntryId> Displace(const BatchEntry& entry, const Key& key, int64_t ahead,
                                double now) const;
  /// When an instance is free.
  double NextFree(double now) const;
  struct Choice {
    std::vector<EntryId> batch;
    std::vector<EntryId> dropped;
    int64_t rows = 0;
    double since = kNever;
    double deadline = kNever;
    bool is_cut = false;  // smaller than could be, for somebody's deadline
  };
  /// A batch for now. If those in a hurry do not hold it up, they are dropped from it.
  Choice Choose(double now, bool holds_up) const;
  bool LeavesTime(const Choice& choice, double now) const;
  void DropLate(double now, std::vector<EntryId>& late);
  bool IsWorthWaiting(int64_t rows, double gap) const;

  const BatchLimits limits_;
  const int num_instances_;
  BatchTimes times_;
  ArrivalRate arrivals_;
  std::map<Key, Waiting> waiting_;
  std::map<EntryId, Key> keys_;
  std::map<FlowId, Flow> flows_;  // that have rows in line
  std::vector<double> ends_;      // to be expected, of what runs
  int64_t num_rows_ = 0;
  int64_t num_added_ = 0;
};

}  // namespace raceway::engine::schedule
