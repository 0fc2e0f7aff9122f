// Held by a handler for SIGSEGV: pages that are not there yet may not be read, whoever does waits
// in the handler, and when it returns the instruction is tried again.
//
// The handler runs in the midst of anything, so all that it does is to read atomics and to call the
// kernel: no lock, no allocation, and errno is as it was.

#include <linux/futex.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstring>
#include <deque>
#include <string>
#include <thread>
#include <utility>

#include "engine/load/page_faults.h"
#include "engine/load/refused.h"

namespace raceway::engine::load {
namespace {

/// Pages that are watched. As a list, which a handler can follow while another range is added.
struct Range {
  Range(uintptr_t first, uintptr_t last) : begin(first), end(last) {}

  const uintptr_t begin;
  const uintptr_t end;
  std::atomic<uint32_t> is_open = 0;  // a futex
  std::atomic<uint32_t> num_touches = 0;
  std::atomic<Range*> next = nullptr;

  void Wait() {
    while (is_open.load(std::memory_order_acquire) == 0) {
      syscall(SYS_futex, &is_open, FUTEX_WAIT_PRIVATE, 0, nullptr, nullptr, 0);
    }
  }
  void Open() {
    is_open.store(1, std::memory_order_release);
    syscall(SYS_futex, &is_open, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
  }
};

class SignalFaults;

/// Whom the handler asks. Who leaves waits for handlers that are asking.
class Registry {
 public:
  /// False if there is no place left.
  bool Add(SignalFaults* faults) {
    for (std::atomic<SignalFaults*>& place : places_) {
      SignalFaults* none = nullptr;
      if (place.compare_exchange_strong(none, faults)) return true;
    }
    return false;
  }
  void Remove(SignalFaults* faults) {
    for (std::atomic<SignalFaults*>& place : places_) {
      SignalFaults* leaves = faults;
      place.compare_exchange_strong(leaves, nullptr);
    }
    while (num_asking_.load() > 0) std::this_thread::yield();
  }
  /// Whether that was for somebody: then he has the bytes now.
  bool Hold(uintptr_t address);

 private:
  std::array<std::atomic<SignalFaults*>, 64> places_ = {};
  std::atomic<int> num_asking_ = 0;
};

Registry registry;
struct sigaction before = {};  // the host's

/// As if this handler were not there.
void HandOn(int signal, siginfo_t* info, void* context) {
  if ((before.sa_flags & SA_SIGINFO) != 0) return before.sa_sigaction(signal, info, context);
  if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
    return before.sa_handler(signal);
  }
  if (before.sa_handler == SIG_IGN && info->si_code <= 0) return;  // of no instruction
  // Ends the process when the instruction is tried again, or the signal is not of an instruction.
  struct sigaction stock = {};
  stock.sa_handler = SIG_DFL;
  sigaction(signal, &stock, nullptr);
  if (info->si_code <= 0) raise(signal);  // somebody sent it
}

void OnSegv(int signal, siginfo_t* info, void* context) {
  const int error = errno;
  const bool is_ours =
      info->si_code > 0 && registry.Hold(reinterpret_cast<uintptr_t>(info->si_addr));
  errno = error;
  if (!is_ours) HandOn(signal, info, context);
}

Status InstallHandler() {
  static const int error = [] {
    if (sigaction(SIGSEGV, nullptr, &before) != 0) return errno;
    struct sigaction ours = {};
    ours.sa_sigaction = &OnSegv;
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
    sigemptyset(&ours.sa_mask);
    return sigaction(SIGSEGV, &ours, nullptr) == 0 ? 0 : errno;
  }();
  if (error == 0) return Done{};
  return Refused("a handler for SIGSEGV is refused", error);
}

class SignalFaults final : public PageFaults {
 public:
  explicit SignalFaults(int bell) : bell_(bell) {}
  ~SignalFaults() override {
    registry.Remove(this);
    while (num_held_.load() > 0) std::this_thread::yield();  // let go, not yet gone
    close(bell_);
  }
  SignalFaults(const SignalFaults&) = delete;

  Status Watch(std::byte* pages, uint64_t size) override {
    const auto begin = reinterpret_cast<uintptr_t>(pages);
    Range* const last = ranges_.empty() ? nullptr : &ranges_.back();
    Range& range = ranges_.emplace_back(begin, begin + size);
    (last == nullptr ? first_ : last->next).store(&range, std::memory_order_release);
    if (mprotect(pages, size, PROT_NONE) == 0) return Done{};
    return Refused("pages cannot be protected", errno);
  }

  int fd() const override { return bell_; }

  void Take(std::vector<uint64_t>& touched) override {
    eventfd_t ignored = 0;
    if (eventfd_read(bell_, &ignored) != 0) return;  // rung after each touch is counted
    for (Range& range : ranges_) {
      touched.insert(touched.end(), range.num_touches.exchange(0), range.begin);
    }
  }

  void Open(std::byte* pages, uint64_t size) override {
    mprotect(pages, size, PROT_READ | PROT_WRITE);
    OpenRange(pages);
  }

  /// If no other mapping took their place they see what is there.
  void LetGo(std::byte* pages, uint64_t size) override { Open(pages, size); }

  /// Who touched a page before it was open may come to the handler only now, and is let go there;
  /// it may ring as well.
  void Close() override {}

  // What follows is the handler's.

  Range* Find(uintptr_t address) const {
    for (Range* range = first_.load(std::memory_order_acquire); range != nullptr;
         range = range->next.load(std::memory_order_acquire)) {
      if (range->begin <= address && address < range->end) return range;
    }
    return nullptr;
  }

  /// Who enters keeps this.
  void Enter() { num_held_.fetch_add(1); }
  void WaitAndLeave(Range& range) {
    if (range.is_open.load(std::memory_order_acquire) == 0) {
      range.num_touches.fetch_add(1);
      eventfd_write(bell_, 1);
      range.Wait();
    }
    num_held_.fetch_sub(1);
  }

 private:
  void OpenRange(const std::byte* pages) {
    const auto begin = reinterpret_cast<uintptr_t>(pages);
    const auto range = std::find_if(ranges_.begin(), ranges_.end(),
                                    [begin](const Range& each) { return each.begin == begin; });
    if (range != ranges_.end()) range->Open();
  }

  const int bell_;
  std::deque<Range> ranges_;  // stay where they are
  std::atomic<Range*> first_ = nullptr;
  std::atomic<int> num_held_ = 0;
};

bool Registry::Hold(uintptr_t address) {
  num_asking_.fetch_add(1);
  SignalFaults* faults = nullptr;
  Range* range = nullptr;
  for (const std::atomic<SignalFaults*>& place : places_) {
    faults = place.load();
    if (faults != nullptr) range = faults->Find(address);
    if (range != nullptr) break;
  }
  if (range != nullptr) faults->Enter();
  num_asking_.fetch_sub(1);
  if (range != nullptr) faults->WaitAndLeave(*range);
  return range != nullptr;
}

}  // namespace

Result<std::unique_ptr<PageFaults>> MakeSignalFaults() {
  if (Status installed = InstallHandler(); !installed) return std::move(installed).error();
  const int bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (bell < 0) return Refused("eventfd is refused", errno);
  auto faults = std::make_unique<SignalFaults>(bell);
  if (!registry.Add(faults.get())) {
    return Error{ErrorCode::kUnsupported, "too many packages are held by signals"};
  }
  return std::unique_ptr<PageFaults>(std::move(faults));
}

}  // namespace raceway::engine::load
