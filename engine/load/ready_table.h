#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

#include "engine/cancel.h"
#include "engine/result.h"

namespace raceway::engine::load {

/// Which storages have arrived. Each becomes ready or fails, once, in any order.
///
/// What was written before `Publish` is seen by whoever sees the storage ready.
///
/// Threads  all functions, from any
class ReadyTable {
 public:
  explicit ReadyTable(int32_t num_storages);
  ReadyTable(const ReadyTable&) = delete;

  int32_t num_storages() const { return num_storages_; }
  bool IsReady(int32_t storage) const { return State(storage) == kReady; }
  /// How many are neither ready nor failed. O(storages)
  int32_t CountPending() const;
  bool has_failed() const { return has_failed_.load(std::memory_order_acquire); }  // any

  /// False if it was ready or had failed before.
  bool Publish(int32_t storage);
  bool Fail(int32_t storage, const Error& error);
  /// Those that are pending.
  void FailAll(const Error& error);

  /// Until the storage is ready. `cancel` may be null; its deadline may be of any clock.
  /// Errors   why the storage failed; Cancelled or DeadlineExceeded if `cancel` says so first
  Status Wait(int32_t storage, const CancelToken* cancel = nullptr) const;

 private:
  static constexpr uint32_t kPending = 0;
  static constexpr uint32_t kReady = 1;
  static constexpr uint32_t kFailed = 2;
  static constexpr uint32_t kStateMask = 3;
  static constexpr uint32_t kHasWaiters = 4;

  std::atomic<uint32_t>& Word(int32_t storage) const { return words_[storage]; }
  uint32_t State(int32_t storage) const {
    return Word(storage).load(std::memory_order_acquire) & kStateMask;
  }
  bool Settle(int32_t storage, uint32_t state);
  Status Outcome(int32_t storage, uint32_t state) const;

  const int32_t num_storages_;
  const std::unique_ptr<std::atomic<uint32_t>[]> words_;  // futexes
  std::atomic<bool> has_failed_ = false;
  mutable std::mutex mutex_;
  std::map<int32_t, Error> errors_;
};

}  // namespace raceway::engine::load
