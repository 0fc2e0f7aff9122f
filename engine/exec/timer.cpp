#include "engine/exec/timer.h"

namespace raceway::engine {

Timer::~Timer() {
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
    changed_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void Timer::At(TimePoint time, std::function<void()> call) {
  const std::lock_guard lock(mutex_);
  const bool is_next = entries_.empty() || time < entries_.top().time;
  entries_.push({time, num_entries_++, std::move(call)});
  if (!thread_.joinable()) thread_ = std::thread([this] { Loop(); });
  if (is_next) changed_.notify_one();
}

void Timer::Loop() {
  std::unique_lock lock(mutex_);
  while (!is_over_) {
    if (entries_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const auto left = entries_.top().time - clock_.Now();
    if (left > left.zero()) {
      changed_.wait_for(lock, left);
      continue;
    }
    // Only its order is const in a queue, and it leaves that here.
    std::function<void()> call = std::move(const_cast<Entry&>(entries_.top()).call);
    entries_.pop();
    lock.unlock();
    call();
    call = nullptr;  // what it holds may take a lock of whoever calls `At`
    lock.lock();
  }
}

}  // namespace raceway::engine
