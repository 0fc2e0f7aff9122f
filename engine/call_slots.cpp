#include "engine/call_slots.h"

#include <chrono>

#include "engine/gate.h"

namespace raceway::engine {
namespace {

/// A token wakes nobody: those who wait look at it this often.
constexpr std::chrono::milliseconds kLook{2};

}  // namespace

void CallSlots::Take(const CancelToken& cancel) {
  std::unique_lock lock(mutex_);
  while (num_free_ == 0) {
    if (const auto stop = cancel.Check()) throw Stopped{*stop};
    is_given_.wait_for(lock, kLook, [this] { return num_free_ > 0; });
  }
  --num_free_;
}

void CallSlots::Give() {
  const std::lock_guard lock(mutex_);
  ++num_free_;
  is_given_.notify_one();
}

}  // namespace raceway::engine
