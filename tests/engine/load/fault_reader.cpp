#include "tests/engine/load/fault_reader.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "engine/load/arena.h"

namespace raceway::engine::load::testing {
namespace {

class FaultReader final : public Reader {
 public:
  explicit FaultReader(Faults faults) : faults_(std::move(faults)), random_(faults_.seed) {
    for (std::thread& thread : threads_) thread = std::thread([this] { Work(); });
  }

  ~FaultReader() override {
    {
      const std::lock_guard lock(mutex_);
      is_stopped_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  std::string_view name() const override { return "faults"; }

  void Submit(const ReadRequest& request, ReadDone done) override {
    {
      const std::lock_guard lock(mutex_);
      waiting_.push_back({request, std::move(done)});
    }
    changed_.notify_one();
  }

 private:
  struct Read {
    ReadRequest request;
    ReadDone done;
  };

  void Work() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return is_stopped_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      std::swap(waiting_[random_() % waiting_.size()], waiting_.back());
      const Read read = std::move(waiting_.back());
      waiting_.pop_back();
      const auto dice = static_cast<int>(random_() % 100);
      const uint64_t more_dice = random_();
      lock.unlock();
      if (faults_.delay.count() > 0) {
        std::this_thread::sleep_for(std::chrono::microseconds(
            more_dice % static_cast<uint64_t>(faults_.delay.count() + 1)));
      }
      read.done(Attempt(read.request, dice, more_dice));
      lock.lock();
    }
  }

  int64_t Attempt(const ReadRequest& request, int dice, uint64_t more_dice) const {
    if (faults_.intercept) {
      if (const std::optional<int64_t> result = faults_.intercept(request)) return *result;
    }
    if ((dice -= faults_.interruptions) < 0) return -EINTR;
    if ((dice -= faults_.io_errors) < 0) return -EIO;
    // At least a block, then any part of the next: past the page cache less is no progress.
    const uint64_t size = (dice -= faults_.short_reads) < 0
                              ? std::min<uint64_t>(request.size, kBlock + more_dice % request.size)
                              : request.size;
    const ssize_t result =
        pread(request.file->cached_fd(), request.into, size, static_cast<off_t>(request.offset));
    return result < 0 ? -errno : result;
  }

  const Faults faults_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::mt19937_64 random_;
  std::vector<Read> waiting_;
  bool is_stopped_ = false;
  std::thread threads_[2];
};

}  // namespace

std::unique_ptr<Reader> MakeFaultReader(Faults faults) {
  return std::make_unique<FaultReader>(std::move(faults));
}

Faults HeldBy(Barrier& barrier) {
  return {.intercept = [&barrier](const ReadRequest&) {
    barrier.Pass();
    return std::nullopt;
  }};
}

}  // namespace raceway::engine::load::testing
