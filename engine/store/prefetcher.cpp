#include "engine/store/prefetcher.h"

#include <algorithm>
#include <exception>
#include <iterator>
#include <utility>

namespace raceway::engine {
namespace {

constexpr size_t kNumThreads = 2;
constexpr size_t kMostWaiting = 4096;
/// Few, so that the threads share what came at once.
constexpr size_t kKeysAtOnce = 16;

}  // namespace

Prefetcher::~Prefetcher() {
  {
    const std::lock_guard lock(mutex_);
    is_stopped_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Prefetcher::Add(Keys keys) {
  try {
    const std::lock_guard lock(mutex_);
    const size_t count = std::min(keys.size(), kMostWaiting - waiting_.size());
    std::move(keys.begin(), keys.begin() + static_cast<ptrdiff_t>(count),
              std::back_inserter(waiting_));
    while (threads_.size() < kNumThreads) threads_.emplace_back([this] { Work(); });
  } catch (const std::exception&) {
    // No thread or no memory is to be had just now: whoever looks the keys up reads them.
  }
  changed_.notify_all();
}

void Prefetcher::Work() try {
  Keys keys;
  keys.reserve(kKeysAtOnce);
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return is_stopped_ || !waiting_.empty(); });
    if (is_stopped_) return;
    keys.clear();
    while (!waiting_.empty() && keys.size() < kKeysAtOnce) {
      keys.push_back(std::move(waiting_.front()));  // there is room for it
      waiting_.pop_front();
    }
    lock.unlock();
    try {
      read_(keys);
    } catch (const std::exception&) {
      // Whoever looks the keys up is told.
    }
    lock.lock();
  }
} catch (const std::exception&) {
  // No memory to begin with: the other thread reads, or whoever looks the keys up.
}

}  // namespace raceway::engine
