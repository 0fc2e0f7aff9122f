#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "engine/clock.h"
#include "engine/load/read_queue.h"

namespace raceway::engine::load {

/// Where in a trace something is shown.
enum class Lane : uint8_t { kScan, kRetrieve, kVerify, kCopy, kApply, kExecute, kWait };

/// A storage that an operator reads.
struct StorageUse {
  int32_t storage = 0;
  uint64_t num_bytes = 0;  // that the storage has
};

/// What happened from `begin` to `end`.
struct LoadEvent {
  Lane lane = Lane::kRetrieve;
  TimePoint begin = {};
  TimePoint end = {};
  int32_t storage = -1;  // kWait, kApply: which; else -1
  int32_t chunk = -1;    // kRetrieve, kVerify, kCopy: which; else -1
  uint64_t num_bytes = 0;
  Urgency urgency = Urgency::kBulk;    // kRetrieve: in the end
  bool was_cached = false;             // kRetrieve: from the page cache
  std::string name = {};               // kScan, kApply: of what; kExecute: the operator
  std::vector<StorageUse> reads = {};  // kExecute: those of the load's storages
};

/// Called by several threads at once; does not throw and returns soon.
using LoadEventSink = std::function<void(const LoadEvent&)>;

/// Tells at its end what happened since its beginning. Where nobody listens, it does not look at
/// the clock.
class LoadSpan {
 public:
  /// `sink` and `clock` must outlive it.
  LoadSpan(const LoadEventSink& sink, const Clock& clock, LoadEvent event)
      : sink_(sink), clock_(clock), event_(std::move(event)) {
    if (sink_) event_.begin = clock_.Now();
  }
  ~LoadSpan() { End(); }
  LoadSpan(const LoadSpan&) = delete;

  LoadEvent& event() { return event_; }
  /// Now, rather than with the scope.
  void End() {
    if (!sink_ || is_over_) return;
    event_.end = clock_.Now();
    is_over_ = true;
    sink_(event_);
  }
  /// Nothing happened that is worth telling.
  void Forget() { is_over_ = true; }

 private:
  const LoadEventSink& sink_;
  const Clock& clock_;
  LoadEvent event_;
  bool is_over_ = false;
};

}  // namespace raceway::engine::load
