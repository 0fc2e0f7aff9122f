#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "engine/load/chunk_reader.h"
#include "engine/load/read_scheduler.h"
#include "engine/load/reader.h"

namespace raceway::engine::load::testing {

/// What goes wrong, and how often of 100 reads.
struct Faults {
  uint64_t seed = 1;
  int short_reads = 0;
  int interruptions = 0;
  int io_errors = 0;
  std::chrono::microseconds delay = {};  // at most, of each read
  /// Called before each read; what it returns is the read's result.
  std::function<std::optional<int64_t>(const ReadRequest&)> intercept = {};
};

/// A reader that hands over what it has read in random order, late, in pieces or not at all. Two
/// threads hand over.
std::unique_ptr<Reader> MakeFaultReader(Faults faults);

/// Holds reads up; to be opened before the scheduler goes.
class Blocker {
 public:
  void Wait() const { is_open_.wait(false); }
  void Open() {
    is_open_ = true;
    is_open_.notify_all();
  }

 private:
  std::atomic<bool> is_open_ = false;
};

/// A scheduler with such readers.
class FaultyScheduler {
 public:
  explicit FaultyScheduler(const Faults& faults, ReadQueueOptions options = {})
      : scheduler_(std::make_unique<ChunkReader>(MakeFaultReader(faults), MakeFaultReader(faults),
                                                 NoteSink()),
                   options, clock_) {}
  ReadScheduler& operator*() { return scheduler_; }

 private:
  SteadyClock clock_;
  ReadScheduler scheduler_;
};

}  // namespace raceway::engine::load::testing
