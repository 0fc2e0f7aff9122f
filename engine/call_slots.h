#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>

#include "engine/cancel.h"

namespace raceway::engine {

/// Room for so many calls of a model at once; others wait, in no order.
///
/// Threads  any
class CallSlots {
 public:
  explicit CallSlots(size_t count) : num_free_(count) {}
  CallSlots(const CallSlots&) = delete;

 private:
  friend class CallSlot;
  void Take(const CancelToken& cancel);
  void Give();

  std::mutex mutex_;
  std::condition_variable is_given_;
  size_t num_free_;
};

/// One of them, as long as it lives.
class CallSlot {
 public:
  /// Waits until there is room; throws `Stopped` if `cancel` says so first.
  CallSlot(CallSlots& slots, const CancelToken& cancel) : slots_(slots) { slots_.Take(cancel); }
  ~CallSlot() { slots_.Give(); }
  CallSlot(const CallSlot&) = delete;

 private:
  CallSlots& slots_;
};

}  // namespace raceway::engine
