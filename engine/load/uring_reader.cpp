#include <liburing.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/load/reader.h"

namespace raceway::engine::load {
namespace {

constexpr unsigned kEntries = 64;  // more wait in a list

/// One ring and the one thread that uses it.
///
/// Requests come through a list, and an eventfd that the ring reads from wakes the thread. So the
/// ring needs no lock, and no read ends with the thread that asked for it, as io_uring would have
/// it.
class Ring {
 public:
  static Result<std::unique_ptr<Ring>> Open() {
    io_uring ring = {};
    const int error = io_uring_queue_init(kEntries, &ring, 0);
    if (error != 0) {
      return Error{ErrorCode::kUnavailable, std::string("io_uring: ") + std::strerror(-error)};
    }
    const int wake_fd = eventfd(0, EFD_CLOEXEC);
    if (wake_fd < 0 || !CanRead(ring)) {
      if (wake_fd >= 0) close(wake_fd);
      io_uring_queue_exit(&ring);
      return Error{ErrorCode::kUnavailable, "io_uring: is there, but does not read"};
    }
    return std::unique_ptr<Ring>(new Ring(ring, wake_fd));
  }

  ~Ring() {
    {
      const std::lock_guard lock(mutex_);
      is_stopped_ = true;
    }
    Wake();
    thread_.join();
    io_uring_queue_exit(&ring_);
    close(wake_fd_);
  }

  void Submit(const ReadRequest& request, ReadDone done) {
    bool was_empty = false;
    {
      const std::lock_guard lock(mutex_);
      was_empty = waiting_.empty();
      waiting_.push_back(std::make_unique<Read>(Read{request, std::move(done)}));
    }
    // The ring's own thread looks at the list anyway before it waits.
    if (was_empty && std::this_thread::get_id() != thread_.get_id()) Wake();
  }

 private:
  struct Read {
    ReadRequest request;
    ReadDone done;
  };

  Ring(const io_uring& ring, int wake_fd)
      : ring_(ring), wake_fd_(wake_fd), thread_([this] { Work(); }) {}

  /// Tried by doing: reads from memory that poses as a file.
  static bool CanRead(io_uring& ring) {
    const int fd = memfd_create("raceway-probe", MFD_CLOEXEC);
    if (fd < 0) return false;
    constexpr char kWritten[] = "io_uring";
    char read[sizeof(kWritten)] = {};
    const bool is_written = write(fd, kWritten, sizeof(kWritten)) == sizeof(kWritten);
    io_uring_prep_read(io_uring_get_sqe(&ring), fd, read, sizeof(read), 0);
    io_uring_cqe* event = nullptr;
    bool is_read = is_written && io_uring_submit_and_wait(&ring, 1) == 1 &&
                   io_uring_peek_cqe(&ring, &event) == 0 &&
                   event->res == static_cast<int>(sizeof(read)) &&
                   std::memcmp(read, kWritten, sizeof(read)) == 0;
    if (event != nullptr) io_uring_cqe_seen(&ring, event);
    close(fd);
    return is_read;
  }

  void Wake() {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(wake_fd_, &one, sizeof(one));
  }

  void Work() {
    PrepareWake();
    while (PrepareReads() || num_in_flight_ > 0 || !IsStopped()) {
      const int result = io_uring_submit_and_wait(&ring_, 1);
      if (result < 0 && result != -EINTR && result != -EAGAIN && result != -EBUSY) {
        std::fprintf(stderr, "io_uring_submit_and_wait: %s\n", std::strerror(-result));
        std::abort();  // nobody would ever hear of the reads in flight
      }
      Reap();
    }
  }

  bool IsStopped() {
    const std::lock_guard lock(mutex_);
    return is_stopped_ && waiting_.empty();
  }

  // A null pointer as the data of an event means this.
  void PrepareWake() {
    io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
    io_uring_prep_read(sqe, wake_fd_, &woken_, sizeof(woken_), 0);
    io_uring_sqe_set_data(sqe, nullptr);
  }

  /// As many as there is room for. Whether there were any.
  bool PrepareReads() {
    std::vector<std::unique_ptr<Read>> reads;
    {
      const std::lock_guard lock(mutex_);
      const size_t count = std::min<size_t>(waiting_.size(), kEntries - 1 - num_in_flight_);
      const auto end = waiting_.begin() + static_cast<ptrdiff_t>(count);
      reads.assign(std::move_iterator(waiting_.begin()), std::move_iterator(end));
      waiting_.erase(waiting_.begin(), end);
    }
    for (std::unique_ptr<Read>& read : reads) {
      const ReadRequest& request = read->request;
      io_uring_sqe* sqe = io_uring_get_sqe(&ring_);  // there is room: each is submitted at once
      io_uring_prep_read(sqe, request.file->direct_fd(), request.into, request.size,
                         request.offset);
      io_uring_sqe_set_data(sqe, read.release());
      ++num_in_flight_;
    }
    return !reads.empty();
  }

  void Reap() {
    io_uring_cqe* event = nullptr;
    while (io_uring_peek_cqe(&ring_, &event) == 0) {
      std::unique_ptr<Read> read(static_cast<Read*>(io_uring_cqe_get_data(event)));
      const int64_t result = event->res;
      io_uring_cqe_seen(&ring_, event);
      if (read == nullptr) {
        PrepareWake();
      } else {
        --num_in_flight_;
        read->done(result);
      }
    }
  }

  io_uring ring_;
  const int wake_fd_;
  uint64_t woken_ = 0;
  size_t num_in_flight_ = 0;  // of the thread
  std::mutex mutex_;
  std::vector<std::unique_ptr<Read>> waiting_;
  bool is_stopped_ = false;
  std::thread thread_;  // the last: it uses the others
};

class UringReader final : public Reader {
 public:
  explicit UringReader(std::vector<std::unique_ptr<Ring>> rings) : rings_(std::move(rings)) {}

  std::string_view name() const override { return "io_uring"; }

  void Submit(const ReadRequest& request, ReadDone done) override {
    const size_t turn = next_.fetch_add(1, std::memory_order_relaxed);
    rings_[turn % rings_.size()]->Submit(request, std::move(done));
  }

 private:
  const std::vector<std::unique_ptr<Ring>> rings_;
  std::atomic<size_t> next_ = 0;
};

}  // namespace

Result<std::unique_ptr<Reader>> MakeUringReader(int num_rings) {
  std::vector<std::unique_ptr<Ring>> rings;
  for (int i = 0; i < num_rings; ++i) {
    Result<std::unique_ptr<Ring>> ring = Ring::Open();
    if (!ring.ok()) return std::move(ring).error();
    rings.push_back(*std::move(ring));
  }
  return std::unique_ptr<Reader>(std::make_unique<UringReader>(std::move(rings)));
}

}  // namespace raceway::engine::load
