#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
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

/// A gate that reads wait at; to be opened before their scheduler goes.
class Barrier {
 public:
  void Open() {
    const std::lock_guard lock(mutex_);
    is_open_ = true;
    changed_.notify_all();
  }
  void Pass() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return is_open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_open_ = false;
};

/// Whose reads wait at it.
Faults HeldBy(Barrier& barrier);

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
