#include "engine/load/page_faults.h"
#include "engine/load/refused.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

namespace raceway::engine::load {
namespace {

std::atomic<bool> may_handle_segv = false;

uffdio_range RangeOf(const std::byte* begin, uint64_t size) {
  return {reinterpret_cast<uintptr_t>(begin), size};
}

class KernelFaults final : public PageFaults {
 public:
  explicit KernelFaults(int fd) : fd_(fd) {}
  ~KernelFaults() override { KernelFaults::Close(); }
  KernelFaults(const KernelFaults&) = delete;

  Status Watch(std::byte* pages, uint64_t size) override {
    uffdio_register faults = {};
    faults.range = RangeOf(pages, size);
    faults.mode = UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_MINOR;
    if (ioctl(fd_, UFFDIO_REGISTER, &faults) == 0) return Done{};
    return Refused("userfaultfd cannot hold faults of shared memory", errno);
  }

  int fd() const override { return fd_; }

  void Take(std::vector<uint64_t>& touched) override {
    std::array<uffd_msg, 16> messages;
    while (true) {
      const ssize_t num_bytes = read(fd_, messages.data(), sizeof(messages));
      if (num_bytes <= 0) return;
      for (size_t i = 0; i < static_cast<size_t>(num_bytes) / sizeof(uffd_msg); ++i) {
        if (messages[i].event != UFFD_EVENT_PAGEFAULT) continue;
        touched.push_back(messages[i].arg.pagefault.address);
      }
    }
  }

  void Open(std::byte* pages, uint64_t size) override {
    // Maps all of it at once; what it leaves out is mapped when it is touched.
    uffdio_continue all = {};
    all.range = RangeOf(pages, size);
    ioctl(fd_, UFFDIO_CONTINUE, &all);
    uffdio_range range = all.range;
    ioctl(fd_, UFFDIO_UNREGISTER, &range);  // lets go who waits
  }

  void LetGo(std::byte* pages, uint64_t size) override {
    uffdio_range range = RangeOf(pages, size);
    ioctl(fd_, UFFDIO_UNREGISTER, &range);  // if it is still there, they see what is in it
    ioctl(fd_, UFFDIO_WAKE, &range);
  }

  void Close() override {
    if (fd_ >= 0) close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

}  // namespace

Result<std::unique_ptr<PageFaults>> MakeKernelFaults() {
  const int fd =
      static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY));
  if (fd < 0) return Refused("userfaultfd is refused", errno);
  uffdio_api api = {};
  api.api = UFFD_API;
  api.features = UFFD_FEATURE_MISSING_SHMEM | UFFD_FEATURE_MINOR_SHMEM;
  if (ioctl(fd, UFFDIO_API, &api) == 0) {
    return std::unique_ptr<PageFaults>(std::make_unique<KernelFaults>(fd));
  }
  const int error = errno;
  close(fd);
  return Refused("userfaultfd cannot hold faults of shared memory", error);
}

void AllowSegvHandler(bool may) { may_handle_segv.store(may, std::memory_order_relaxed); }

Result<std::unique_ptr<PageFaults>> MakePageFaults() {
  Result<std::unique_ptr<PageFaults>> faults = MakeKernelFaults();
  const bool may_try = !faults && may_handle_segv.load(std::memory_order_relaxed);
  return may_try ? MakeSignalFaults() : std::move(faults);
}

}  // namespace raceway::engine::load
