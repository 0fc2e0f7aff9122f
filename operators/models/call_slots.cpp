#include "operators/models/call_slots.h"

#include <chrono>
#include <map>
#include <utility>

namespace raceway::operators {
namespace {

/// A token wakes nobody: those who wait look at it this often.
constexpr std::chrono::milliseconds kLook{2};

}  // namespace

std::optional<engine::ErrorCode> CallSlots::Take(const engine::CancelToken& cancel) {
  std::unique_lock lock(mutex_);
  while (num_free_ == 0) {
    if (const auto stop = cancel.Check()) return stop;
    is_given_.wait_for(lock, kLook, [this] { return num_free_ > 0; });
  }
  --num_free_;
  return std::nullopt;
}

void CallSlots::Give() {
  const std::lock_guard lock(mutex_);
  ++num_free_;
  is_given_.notify_one();
}

std::shared_ptr<CallSlots> ShareCallSlots(const LoadedModel& model, int count) {
  static std::mutex mutex;
  static auto* slots = new std::map<std::pair<const LoadedModel*, int>, std::weak_ptr<CallSlots>>();
  const std::lock_guard lock(mutex);
  std::erase_if(*slots, [](const auto& known) { return known.second.expired(); });
  std::weak_ptr<CallSlots>& known = (*slots)[{&model, count}];
  if (std::shared_ptr<CallSlots> shared = known.lock()) return shared;
  auto made = std::make_shared<CallSlots>(count);
  known = made;
  return made;
}

}  // namespace raceway::operators
