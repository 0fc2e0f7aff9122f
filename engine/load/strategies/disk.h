#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include "engine/clock.h"
#include "engine/load/read_scheduler.h"
#include "engine/load/reader.h"

namespace raceway::engine::load {

/// Who decides what is read next.
enum class ReadRules : uint8_t {
  kRaceway,
  kCicada,  // what is urgent also holds up the rest of its own load
};

/// What strategies read from: the disk as it is, or as slow as asked. There is one for each speed,
/// to the end of the process; loads at the same time share it.
///
/// Slow are the reads of weights. What finds out what is in a file is read as fast as it can be, by
/// all strategies.
///
/// Threads  any
class Disk {
 public:
  static Disk& Of(const std::optional<ThrottleOptions>& speed);

  /// For loads in chunks.
  ReadScheduler& scheduler(ReadRules rules = ReadRules::kRaceway);
  /// For those who read by themselves; null if the disk is as it is.
  Throttle* throttle() { return throttle_.get(); }

 private:
  explicit Disk(const std::optional<ThrottleOptions>& speed);
  ReadScheduler& Made(std::unique_ptr<ReadScheduler>& scheduler, bool hold_own);

  const SteadyClock clock_;
  const std::shared_ptr<Throttle> throttle_;
  std::mutex mutex_;
  std::unique_ptr<ReadScheduler> ours_;
  std::unique_ptr<ReadScheduler> cicadas_;
};

}  // namespace raceway::engine::load
