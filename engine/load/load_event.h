#pragma once

#include <cstdint>
#include <functional>

#include "engine/clock.h"
#include "engine/load/read_queue.h"

namespace raceway::engine::load {

/// Where in a trace something is shown.
enum class Lane : uint8_t { kScan, kRetrieve, kVerify, kCopy, kApply, kExecute, kWait };

/// What happened from `begin` to `end`.
struct LoadEvent {
  Lane lane = Lane::kRetrieve;
  TimePoint begin = {};
  TimePoint end = {};
  int32_t storage = -1;  // kWait, kApply: which; else -1
  int32_t chunk = -1;    // kRetrieve, kVerify, kCopy: which; else -1
  uint64_t num_bytes = 0;
  Urgency urgency = Urgency::kBulk;  // kRetrieve: in the end
  bool was_cached = false;           // kRetrieve: from the page cache
};

/// Called by several threads at once; does not throw and returns soon.
using LoadEventSink = std::function<void(const LoadEvent&)>;

}  // namespace raceway::engine::load
