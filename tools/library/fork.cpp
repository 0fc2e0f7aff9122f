#include "tools/library/fork.h"

#include <pthread.h>

#include <atomic>

namespace raceway::library {
namespace {

std::atomic<int64_t> fork_count = 0;

}  // namespace

int64_t ForkCount() {
  // What is registered lasts as long as the library is loaded.
  static const int registered = ::pthread_atfork(
      nullptr, nullptr, [] { fork_count.fetch_add(1, std::memory_order_relaxed); });
  static_cast<void>(registered);
  return fork_count.load(std::memory_order_relaxed);
}

}  // namespace raceway::library
