#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "engine/clock.h"
#include "engine/load/read_forecast.h"

namespace raceway::engine::load {

enum class Urgency : uint8_t {
  kUrgent,   // somebody waits for these very bytes
  kNear,     // a request needs the model
  kBulk,     // somebody will, at some time
  kPrewarm,  // perhaps
};

enum class LoadId : int64_t {};

struct ReadQueueOptions {
  int32_t window = 8;                // reads in flight at once: bandwidth × latency, not more
  int32_t background_window = 3;     // for kBulk and kPrewarm: who comes next waits for these
  uint64_t staged_bytes = 64 << 20;  // in flight, or read and not yet released, at most
  std::chrono::nanoseconds patience = std::chrono::milliseconds(100);
  double late_factor = 2;  // of the expected time; what takes longer is late
  bool hold_own = false;   // what is urgent also holds up the rest of its own load
};

/// A read that is to be submitted, or was.
struct QueuedRead {
  LoadId load;
  int32_t chunk;
  uint32_t num_bytes;
  Urgency urgency;
};

/// Which chunk to read next. The disk's own queue is kept short, so that this one decides.
///
/// In this order:
///  1. A load that had nothing read for `patience` gets one chunk, one load in each such time: the
///     others age rather than starve.
///  2. While something urgent of a load is queued or in flight, only loads of which that is true
///     are served, and urgent chunks first. (With `hold_own` nothing but urgent chunks.)
///  3. The better class, then the earlier deadline, then the older load; in a load, chunks in the
///     order of first use.
///
/// Chunks become urgent by `Promote`, when somebody waits for them, and of themselves when they are
/// late: in flight for longer than was to be expected, in a load that is kNear.
///
/// Source   Cicada, Algorithm 1 and its second rule
/// Threads  none of its own, no lock: one thread at a time. Time comes as an argument
class ReadQueue {
 public:
  explicit ReadQueue(ReadQueueOptions options = {}) : options_(options) {}

  /// `chunk_bytes` in the order of first use; `deadline` max() for none.
  LoadId Add(Urgency urgency, TimePoint deadline, std::vector<uint32_t> chunk_bytes, TimePoint now);
  /// Of chunks in the queue and in flight; others are left alone, as is an unknown load.
  void Promote(LoadId load, int32_t chunk);
  /// Another class or deadline for all of a load but what is urgent.
  void Reclass(LoadId load, Urgency urgency, TimePoint deadline);
  /// Forgets what is queued. What is in flight still has to be finished.
  void Remove(LoadId load);

  /// The next read; it is in flight from now on. None if none may be submitted now: ask again
  /// after any other call.
  std::optional<QueuedRead> Next(TimePoint now);
  /// A read is there, or has failed. Its class by now. The last one of a load ends the load.
  Urgency Finish(const QueuedRead& read, TimePoint now);
  /// The memory or the slot that a finished read took up is free again.
  void Release(uint64_t num_bytes) { staged_bytes_ -= num_bytes; }

  bool Has(LoadId load) const { return loads_.count(load) > 0; }
  size_t num_in_flight() const { return in_flight_.size(); }
  std::optional<std::chrono::nanoseconds> Expect(uint64_t num_bytes) const {
    return forecast_.Expect(num_bytes);
  }

 private:
  enum class State : uint8_t { kQueued, kInFlight, kDone };
  struct Load {
    Urgency urgency;
    TimePoint deadline;
    TimePoint served;  // when it last had a chunk submitted
    std::vector<uint32_t> chunk_bytes;
    std::vector<State> states;
    size_t num_done = 0;
    int32_t cursor = 0;             // the first that is queued; after the last if none is
    std::set<int32_t> urgent = {};  // queued or in flight
    bool has_queued() const { return cursor < static_cast<int32_t>(states.size()); }
  };
  struct InFlight {
    QueuedRead read;
    TimePoint submitted;
    uint64_t bytes_ahead;  // and its own
    std::optional<std::chrono::nanoseconds> expected;
  };
  using Loads = std::map<LoadId, Load>;

  void PromoteLate(TimePoint now);
  Loads::iterator Starved(TimePoint now);
  Loads::iterator Best();
  static bool IsBackground(const Load& load);                   // nobody waits for any of it
  static std::optional<int32_t> FirstUrgent(const Load& load);  // of those that are queued
  QueuedRead Take(Loads::iterator load, int32_t chunk, TimePoint now);

  const ReadQueueOptions options_;
  Loads loads_;
  int64_t next_id_ = 0;
  std::vector<InFlight> in_flight_;
  uint64_t staged_bytes_ = 0;
  uint64_t in_flight_bytes_ = 0;
  TimePoint last_rescue_ = {};
  ReadForecast forecast_;
};

}  // namespace raceway::engine::load
