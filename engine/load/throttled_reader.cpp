#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "engine/clock.h"
#include "engine/load/reader.h"

namespace raceway::engine::load {
namespace {

class ThrottledReader final : public Reader {
 public:
  ThrottledReader(std::unique_ptr<Reader> inner, std::shared_ptr<Throttle> throttle)
      : throttle_(std::move(throttle)), inner_(std::move(inner)), thread_([this] { Work(); }) {}

  ~ThrottledReader() override {
    {
      const std::lock_guard lock(mutex_);
      is_stopped_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  std::string_view name() const override { return "throttled"; }

  void Submit(const ReadRequest& request, ReadDone done) override {
    {
      const std::lock_guard lock(mutex_);
      ++num_in_flight_;
    }
    const TimePoint due = throttle_->Reserve(request.num_bytes);
    inner_->Submit(request, [this, due, done = std::move(done)](int64_t result) {
      {
        const std::lock_guard lock(mutex_);
        read_.emplace(due, [done, result] { done(result); });
      }
      changed_.notify_all();
    });
  }

 private:
  void Work() {
    std::unique_lock lock(mutex_);
    while (num_in_flight_ > 0 || !is_stopped_) {
      if (read_.empty()) {
        changed_.wait(lock);
      } else if (const TimePoint due = read_.begin()->first;
                 due > std::chrono::steady_clock::now()) {
        changed_.wait_until(lock, due);
      } else {
        const std::function<void()> hand_over = std::move(read_.begin()->second);
        read_.erase(read_.begin());
        lock.unlock();
        hand_over();
        lock.lock();
        --num_in_flight_;
      }
    }
  }

  const std::shared_ptr<Throttle> throttle_;
  std::mutex mutex_;
  std::condition_variable changed_;
  size_t num_in_flight_ = 0;                              // submitted and not handed over
  std::multimap<TimePoint, std::function<void()>> read_;  // by when it is due
  bool is_stopped_ = false;
  std::unique_ptr<Reader> inner_;
  std::thread thread_;
};

}  // namespace

TimePoint Throttle::Reserve(uint64_t num_bytes) {
  const TimePoint now = std::chrono::steady_clock::now();
  const std::lock_guard lock(mutex_);
  free_ = std::max(free_, now - TimeFor(options_.burst_bytes)) + TimeFor(num_bytes);
  return std::max(free_, now) + options_.latency;
}

std::chrono::nanoseconds Throttle::TimeFor(uint64_t num_bytes) const {
  return std::chrono::nanoseconds(
      static_cast<int64_t>(1e9 * static_cast<double>(num_bytes) / options_.bytes_per_second));
}

std::unique_ptr<Reader> MakeThrottledReader(std::unique_ptr<Reader> inner,
                                            std::shared_ptr<Throttle> throttle) {
  return std::make_unique<ThrottledReader>(std::move(inner), std::move(throttle));
}

std::unique_ptr<Reader> MakeThrottledReader(std::unique_ptr<Reader> inner,
                                            ThrottleOptions options) {
  return MakeThrottledReader(std::move(inner), std::make_shared<Throttle>(options));
}

}  // namespace raceway::engine::load
