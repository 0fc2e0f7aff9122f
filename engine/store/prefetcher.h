#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace raceway::engine {

/// Threads that read what will soon be asked for. They are started with the first keys, and wait
/// for the disk most of the time.
///
/// Threads  `Add` may be called by several at once
class Prefetcher {
 public:
  using Keys = std::vector<std::string>;

  /// `read` is called by several threads at once. What it throws is ignored.
  explicit Prefetcher(std::function<void(const Keys&)> read) : read_(std::move(read)) {}
  /// Waits for what is being read; what is not yet is left.
  ~Prefetcher();
  Prefetcher(const Prefetcher&) = delete;

  /// Never waits, never fails. Where the threads are far behind, or there are none to be had, keys
  /// are dropped: whoever looks them up reads them.
  void Add(Keys keys);

 private:
  void Work();

  const std::function<void(const Keys&)> read_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> waiting_;
  bool is_stopped_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace raceway::engine
