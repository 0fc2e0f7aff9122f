#include "engine/load/strategies/disk.h"

#include <map>
#include <tuple>

#include "engine/load/chunk_reader.h"
#include "engine/load/process_scheduler.h"

namespace raceway::engine::load {

Disk& Disk::Of(const std::optional<ThrottleOptions>& speed) {
  using Key = std::tuple<double, int64_t, uint64_t>;
  static std::mutex mutex;
  static auto* const disks = new std::map<Key, Disk*>();  // never destroyed, as their schedulers
  const Key key = speed ? Key{speed->bytes_per_second, speed->latency.count(), speed->burst_bytes}
                        : Key{0, 0, 0};
  const std::lock_guard lock(mutex);
  Disk*& disk = (*disks)[key];
  if (disk == nullptr) disk = new Disk(speed);
  return *disk;
}

Disk::Disk(const std::optional<ThrottleOptions>& speed)
    : throttle_(speed ? std::make_shared<Throttle>(*speed) : nullptr) {}

ReadScheduler& Disk::scheduler(ReadRules rules) {
  if (rules == ReadRules::kCicada) return Made(cicadas_, /*hold_own=*/true);
  return throttle_ == nullptr ? ProcessScheduler() : Made(ours_, /*hold_own=*/false);
}

ReadScheduler& Disk::Made(std::unique_ptr<ReadScheduler>& scheduler, bool hold_own) {
  const std::lock_guard lock(mutex_);
  if (scheduler == nullptr) {
    scheduler = std::make_unique<ReadScheduler>(MakeChunkReader({}, throttle_),
                                                ReadQueueOptions{.hold_own = hold_own}, clock_);
  }
  return *scheduler;
}

}  // namespace raceway::engine::load
