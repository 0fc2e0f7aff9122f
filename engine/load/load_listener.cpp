#include "engine/load/load_listener.h"

#include <atomic>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <utility>

namespace raceway::engine::load {
namespace {

struct Listeners {
  std::shared_mutex mutex;  // shared while they are called
  std::set<const LoadListener*> all;
  std::atomic<bool> is_anybody = false;
};

Listeners& TheListeners() {
  static auto* const listeners = new Listeners();  // loads may outlive what is static
  return *listeners;
}

}  // namespace

LoadListening::LoadListening(LoadListener listener) : listener_(std::move(listener)) {
  Listeners& listeners = TheListeners();
  const std::lock_guard lock(listeners.mutex);
  listeners.all.insert(&listener_);
  listeners.is_anybody = true;
}

LoadListening::~LoadListening() {
  Listeners& listeners = TheListeners();
  const std::lock_guard lock(listeners.mutex);
  listeners.all.erase(&listener_);
  listeners.is_anybody = !listeners.all.empty();
}

LoadEventSink TellListeners(std::string model) {
  return [model = std::move(model), &listeners = TheListeners()](const LoadEvent& event) {
    if (!listeners.is_anybody) return;
    const std::shared_lock lock(listeners.mutex);
    for (const LoadListener* listener : listeners.all) (*listener)(model, event);
  };
}

}  // namespace raceway::engine::load
