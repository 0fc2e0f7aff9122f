#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace raceway::engine {

/// Counts what is under way, so that its end can be waited for once.
///
/// Threads  `Enter` and `Leave` from any; they take no lock until `Drain` is called
class InFlight {
 public:
  void Enter() { count_.fetch_add(1, std::memory_order_relaxed); }
  void Leave() {
    if (count_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    // Under the lock, since `Drain` destroys us as soon as it has it back.
    std::lock_guard lock(mutex_);
    is_drained_ = true;
    drained_.notify_all();
  }
  /// Returns when all who entered have left. Nobody may enter any more.
  void Drain() {
    Leave();
    std::unique_lock lock(mutex_);
    drained_.wait(lock, [this] { return is_drained_; });
  }

 private:
  std::atomic<int64_t> count_ = 1;  // one for whoever will drain: no zero before
  std::mutex mutex_;
  std::condition_variable drained_;
  bool is_drained_ = false;
};

}  // namespace raceway::engine
