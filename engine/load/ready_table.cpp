#include "engine/load/ready_table.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <climits>
#include <ctime>

namespace raceway::engine::load {
namespace {

// A token does not wake who waits, so it is asked now and then.
constexpr std::chrono::nanoseconds kAskCancel = std::chrono::milliseconds(1);

// std::atomic::wait knows no time limit.
static_assert(sizeof(std::atomic<uint32_t>) == sizeof(uint32_t));

void FutexWait(std::atomic<uint32_t>& word, uint32_t expected, const timespec* at_most) {
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, expected, at_most, nullptr, 0);
}

void FutexWakeAll(std::atomic<uint32_t>& word) {
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

Error Stopped(ErrorCode code) {
  return Error{code, code == ErrorCode::kCancelled
                         ? "cancelled while weights were being loaded"
                         : "the time ran out while weights were being loaded"};
}

}  // namespace

ReadyTable::ReadyTable(int32_t num_storages)
    : num_storages_(num_storages),
      words_(new std::atomic<uint32_t>[static_cast<size_t>(num_storages)]) {
  for (int32_t i = 0; i < num_storages; ++i) Word(i).store(kPending, std::memory_order_relaxed);
}

bool ReadyTable::Settle(int32_t storage, uint32_t state) {
  std::atomic<uint32_t>& word = Word(storage);
  uint32_t seen = word.load(std::memory_order_relaxed);
  do {
    if ((seen & kStateMask) != kPending) return false;
  } while (!word.compare_exchange_weak(seen, state, std::memory_order_acq_rel));
  if ((seen & kHasWaiters) != 0) FutexWakeAll(word);
  return true;
}

bool ReadyTable::Publish(int32_t storage) { return Settle(storage, kReady); }

bool ReadyTable::Fail(int32_t storage, const Error& error) {
  {
    const std::lock_guard lock(mutex_);
    errors_.emplace(storage, error);  // the first stays; who is ready never asks
  }
  const bool failed = Settle(storage, kFailed);
  if (failed) has_failed_.store(true, std::memory_order_release);
  return failed;
}

void ReadyTable::FailAll(const Error& error) {
  for (int32_t i = 0; i < num_storages_; ++i) {
    if (State(i) == kPending) Fail(i, error);
  }
}

int32_t ReadyTable::CountPending() const {
  int32_t count = 0;
  for (int32_t i = 0; i < num_storages_; ++i) count += State(i) == kPending ? 1 : 0;
  return count;
}

Status ReadyTable::Outcome(int32_t storage, uint32_t state) const {
  if (state == kReady) return Done{};
  const std::lock_guard lock(mutex_);
  return errors_.at(storage);
}

Status ReadyTable::Wait(int32_t storage, const CancelToken* cancel) const {
  const timespec slice = {0, kAskCancel.count()};
  std::atomic<uint32_t>& word = Word(storage);
  uint32_t seen = word.load(std::memory_order_acquire);
  while ((seen & kStateMask) == kPending) {
    if (cancel != nullptr) {
      if (const std::optional<ErrorCode> stop = cancel->Check()) return Stopped(*stop);
    }
    if ((seen & kHasWaiters) == 0 &&
        !word.compare_exchange_weak(seen, seen | kHasWaiters, std::memory_order_acquire)) {
      continue;
    }
    FutexWait(word, kPending | kHasWaiters, cancel == nullptr ? nullptr : &slice);
    seen = word.load(std::memory_order_acquire);
  }
  return Outcome(storage, seen & kStateMask);
}

}  // namespace raceway::engine::load
