#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <mutex>
#include <string>
#include <vector>

#include "engine/load/reader.h"

namespace raceway::engine::load::testing {

/// Where reads wait until they are let through, in any order. To be opened before the scheduler
/// goes.
class Turnstile {
 public:
  void Pass(const ReadRequest& request) {
    std::unique_lock lock(mutex_);
    files_.push_back(std::filesystem::path(request.file->path()).filename());
    changed_.notify_all();
    changed_.wait(lock, [this] { return num_left_ > 0; });
    --num_left_;
  }
  void Let(int64_t count) {
    const std::lock_guard lock(mutex_);
    num_left_ += count;
    changed_.notify_all();
  }
  void Open() { Let(std::numeric_limits<int32_t>::max()); }

  /// Where reads come one at a time: lets the next one through, and waits for the one after it.
  /// Whose it is, or nothing if none comes.
  std::string LetOne() {
    if (!HaveCome(num_alone_ + 1)) return {};
    Let(1);
    ++num_alone_;
    return HaveCome(num_alone_ + 1) ? files().back() : std::string();
  }

  /// The files of those that have come, in their order.
  std::vector<std::string> files() {
    const std::lock_guard lock(mutex_);
    return files_;
  }
  size_t CountOf(const std::string& file) {
    const std::vector<std::string> all = files();
    return static_cast<size_t>(std::count(all.begin(), all.end(), file));
  }

 private:
  bool HaveCome(size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10),
                             [&] { return files_.size() == count; });
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  int64_t num_left_ = 0;
  size_t num_alone_ = 0;  // that `LetOne` has let through
  std::vector<std::string> files_;
};

}  // namespace raceway::engine::load::testing
