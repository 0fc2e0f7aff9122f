#include "engine/exec/forks.h"

#include <pthread.h>

#include <atomic>

namespace raceway::engine {
namespace {

std::atomic<bool> is_forked_off = false;

}  // namespace

bool IsForkedOff() noexcept { return is_forked_off.load(std::memory_order_relaxed); }

void WatchForks() {
  static const int watched = ::pthread_atfork(
      nullptr, nullptr, [] { is_forked_off.store(true, std::memory_order_relaxed); });
  static_cast<void>(watched);
}

}  // namespace raceway::engine
