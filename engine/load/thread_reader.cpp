#include <sys/uio.h>

#include <cerrno>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/load/arena.h"
#include "engine/load/reader.h"

namespace raceway::engine::load {
namespace {

/// So that whoever touches them does not have to wait for each.
int64_t MapPages(const ReadRequest& request) {
  if (FetchPages(request.into, request.size)) return request.num_bytes;
  return errno == EFAULT ? -EIO : -errno;  // a page that cannot be read is a bad address
}

/// Threads that read and wait.
class ThreadReader final : public Reader {
 public:
  ThreadReader(bool cached, int num_threads) : cached_(cached) {
    for (int i = 0; i < num_threads; ++i) threads_.emplace_back([this] { Work(); });
  }

  ~ThreadReader() override {
    {
      const std::lock_guard lock(mutex_);
      is_stopped_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  std::string_view name() const override { return cached_ ? "page cache" : "preadv"; }

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

  // Ends when all is done: a thread that sees nothing to do leaves what others submit to them.
  void Work() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return is_stopped_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      Read read = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      read.done(Attempt(read.request));
      read = {};  // may be the last to hold a model's memory, which takes time to give back
      lock.lock();
    }
  }

  int64_t Attempt(const ReadRequest& request) const {
    if (request.is_mapped) return MapPages(request);
    const int fd = cached_ ? request.file->cached_fd() : request.file->direct_fd();
    const iovec into = {request.into, request.size};
    const ssize_t result = preadv(fd, &into, 1, static_cast<off_t>(request.offset));
    return result < 0 ? -errno : result;
  }

  const bool cached_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Read> waiting_;
  bool is_stopped_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace

std::unique_ptr<Reader> MakePreadReader(int num_threads) {
  return std::make_unique<ThreadReader>(false, num_threads);
}

std::unique_ptr<Reader> MakeCachedReader(int num_threads) {
  return std::make_unique<ThreadReader>(true, num_threads);
}

}  // namespace raceway::engine::load
