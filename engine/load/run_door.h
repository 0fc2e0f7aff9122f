#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

namespace raceway::engine::load {

/// Calls go in and out of it; while it is closed nobody is inside, and who comes waits.
///
/// Threads  all functions, from any; one at a time closes it
class RunDoor {
 public:
  RunDoor() = default;
  RunDoor(const RunDoor&) = delete;

  /// Inside as long as it lives.
  class Inside {
   public:
    /// `door` may be null: then there is none.
    explicit Inside(RunDoor* door) : door_(door) {
      if (door_ != nullptr) door_->Enter();
    }
    ~Inside() {
      if (door_ != nullptr) door_->Leave();
    }
    Inside(const Inside&) = delete;

   private:
    RunDoor* const door_;
  };

  /// `often` is called by the `count`th who enters from now on, within it. Not while others enter.
  void TellAfter(int32_t count, std::function<void()> often) {
    often_.push_back(std::move(often));
    num_untold_.store(count);
  }

  /// False, and it is open, if somebody stays inside for longer than that.
  bool Close(std::chrono::milliseconds patience) {
    is_closed_.store(true);
    for (std::chrono::milliseconds waited(0); num_inside_.load() > 0; ++waited) {
      if (waited >= patience) {
        Open();
        return false;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
  }

  void Open() {
    is_closed_.store(false);
    is_closed_.notify_all();
  }

 private:
  // Either who enters sees that it is closed, or who closes it sees them inside.
  void Enter() {
    while (true) {
      num_inside_.fetch_add(1);
      if (!is_closed_.load()) break;
      Leave();
      is_closed_.wait(true);
    }
    if (num_untold_.load() > 0 && num_untold_.fetch_sub(1) == 1) {
      for (const std::function<void()>& often : often_) often();
    }
  }
  void Leave() { num_inside_.fetch_sub(1); }

  std::atomic<int32_t> num_inside_ = 0;
  std::atomic<bool> is_closed_ = false;
  std::atomic<int32_t> num_untold_ = 0;  // who enter until `often_` is called
  std::vector<std::function<void()>> often_;
};

}  // namespace raceway::engine::load
