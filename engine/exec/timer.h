#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <queue>
#include <thread>
#include <utility>
#include <vector>

#include "engine/clock.h"

namespace raceway::engine {

/// Calls functions when their time has come, in a thread of its own that starts with the first of
/// them.
///
/// Threads  `At` may be called from any
class Timer {
 public:
  /// `clock` must outlive it. It goes by the clock's hours but the machine's minutes: of a clock
  /// that is set ahead it learns when it looks next.
  explicit Timer(const Clock& clock) : clock_(clock) {}
  /// What has not been called yet is dropped.
  ~Timer();
  Timer(const Timer&) = delete;

  /// `call` must not throw, and must not take long: it holds up the others. It is not called from
  /// here.
  void At(TimePoint time, std::function<void()> call);

 private:
  struct Entry {
    TimePoint time;
    int64_t number;  // equal times: as they came
    std::function<void()> call;
  };
  struct IsLater {
    bool operator()(const Entry& a, const Entry& b) const {
      return std::pair(a.time, a.number) > std::pair(b.time, b.number);
    }
  };

  void Loop();

  const Clock& clock_;
  std::mutex mutex_;  // of all below
  std::condition_variable changed_;
  std::priority_queue<Entry, std::vector<Entry>, IsLater> entries_;
  int64_t num_entries_ = 0;
  bool is_over_ = false;
  std::thread thread_;
};

}  // namespace raceway::engine
