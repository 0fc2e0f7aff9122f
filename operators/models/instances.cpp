#include "operators/models/instances.h"

#include <map>
#include <mutex>
#include <utility>

namespace raceway::operators {

using engine::CallSlots;

std::shared_ptr<CallSlots> ShareCallSlots(const LoadedModel& model, int count) {
  static std::mutex mutex;
  static auto* slots = new std::map<std::pair<const LoadedModel*, int>, std::weak_ptr<CallSlots>>();
  const std::lock_guard lock(mutex);
  std::erase_if(*slots, [](const auto& known) { return known.second.expired(); });
  std::weak_ptr<CallSlots>& known = (*slots)[{&model, count}];
  if (std::shared_ptr<CallSlots> shared = known.lock()) return shared;
  auto made = std::make_shared<CallSlots>(static_cast<size_t>(count));
  known = made;
  return made;
}

}  // namespace raceway::operators
