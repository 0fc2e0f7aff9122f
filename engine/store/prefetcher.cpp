#include "engine/store/prefetcher.h"

#include <algorithm>
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
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() + keys.size() > kMostWaiting) return;
    std::move(keys.begin(), keys.end(), std::back_inserter(waiting_));
    while (threads_.size() < kNumThreads) threads_.emplace_back([this] { Work(); });
  }
  changed_.notify_all();
}

void Prefetcher::Work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return is_stopped_ || !waiting_.empty(); });
    if (is_stopped_) return;
    const auto end =
        waiting_.begin() + static_cast<ptrdiff_t>(std::min(waiting_.size(), kKeysAtOnce));
    const Keys keys(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(end));
    waiting_.erase(waiting_.begin(), end);
    lock.unlock();
    read_(keys);
    lock.lock();
  }
}

}  // namespace raceway::engine
