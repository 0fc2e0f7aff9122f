#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>

#include "engine/cancel.h"
#include "operators/models/loaded_model.h"

namespace raceway::operators {

/// Room for so many calls of a model at once; others wait, in no order.
///
/// Threads  any
class CallSlots {
 public:
  explicit CallSlots(int count) : num_free_(count) {}
  CallSlots(const CallSlots&) = delete;

  /// Waits until there is room, then takes it; or says why the caller should stop, having none.
  std::optional<engine::ErrorCode> Take(const engine::CancelToken& cancel);
  void Give();

 private:
  std::mutex mutex_;
  std::condition_variable is_given_;
  int num_free_;
};

/// Those that all who say `instances: count` of this model share.
std::shared_ptr<CallSlots> ShareCallSlots(const LoadedModel& model, int count);

}  // namespace raceway::operators
