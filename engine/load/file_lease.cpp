#include "engine/load/file_lease.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <ctime>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace raceway::engine::load {
namespace {

/// Directed to one thread, so what else the program does with its number does not matter.
int Signal() { return SIGRTMAX - 1; }

constexpr int kNice = 10;
constexpr timespec kRetry = {.tv_sec = 1, .tv_nsec = 0};

/// No signal of the program reaches a thread that is begun while this lives.
class AllSignalsBlocked {
 public:
  AllSignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~AllSignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;

 private:
  sigset_t before_ = {};
};

}  // namespace

/// One, as its holder and the keeper have it.
class FileLease::Lease {
 public:
  Lease(int fd, LetGo let_go) : fd_(fd), let_go_(std::move(let_go)) {}
  ~Lease() { close(fd_); }
  Lease(const Lease&) = delete;

  /// False if somebody is waiting and it is needed still.
  bool LetGoIfBroken() {
    const std::lock_guard lock(mutex_);
    if (!is_held_ || (!is_asked_.load() && fcntl(fd_, F_GETLEASE) == F_RDLCK)) return true;
    if (!let_go_()) return false;
    Release();
    return true;
  }

  void Ask() { is_asked_.store(true); }

  void GiveBack() {
    const std::lock_guard lock(mutex_);
    Release();
  }

 private:
  void Release() {
    if (std::exchange(is_held_, false)) fcntl(fd_, F_SETLEASE, F_UNLCK);
  }

  const int fd_;
  const LetGo let_go_;
  std::mutex mutex_;
  bool is_held_ = true;
  std::atomic<bool> is_asked_ = false;
};

/// The leases of the process, and the thread that hears of those who want to write.
class FileLease::Keeper {
 public:
  /// A child has none of its parent's threads.
  static Keeper& OfProcess() {
    static std::mutex mutex;
    static Keeper* keeper = nullptr;  // never deleted: its thread goes on
    const std::lock_guard lock(mutex);
    if (keeper == nullptr || keeper->process_ != getpid()) keeper = new Keeper();
    return *keeper;
  }

  /// Null, and `fd` is closed, if there is no lease to be had.
  std::shared_ptr<Lease> Take(int fd, LetGo let_go) {
    const std::lock_guard lock(mutex_);  // who wants to write at once is heard after it
    const f_owner_ex owner = {.type = F_OWNER_TID, .pid = thread_};
    const bool is_held = fcntl(fd, F_SETOWN_EX, &owner) == 0 &&
                         fcntl(fd, F_SETSIG, Signal()) == 0 && fcntl(fd, F_SETLEASE, F_RDLCK) == 0;
    if (!is_held) {
      close(fd);
      return nullptr;
    }
    leases_.push_back(std::make_shared<Lease>(fd, std::move(let_go)));
    return leases_.back();
  }

  void Wake() const { syscall(SYS_tgkill, process_, thread_, Signal()); }

  void Drop(const std::shared_ptr<Lease>& lease) {
    const std::lock_guard lock(mutex_);
    std::erase(leases_, lease);
  }

 private:
  Keeper() {
    const AllSignalsBlocked blocked;
    std::promise<pid_t> started;
    std::future<pid_t> thread = started.get_future();
    std::thread([this, started = std::move(started)]() mutable {
      setpriority(PRIO_PROCESS, 0, kNice);  // of this thread
      started.set_value(static_cast<pid_t>(syscall(SYS_gettid)));
      Work();
    }).detach();
    thread_ = thread.get();
  }

  [[noreturn]] void Work() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, Signal());
    bool all_let_go = true;
    while (true) {
      sigtimedwait(&signals, nullptr, all_let_go ? nullptr : &kRetry);
      all_let_go = LetGoOfBroken();
    }
  }

  bool LetGoOfBroken() {
    std::vector<std::shared_ptr<Lease>> leases;
    {
      const std::lock_guard lock(mutex_);
      leases = leases_;
    }
    bool all_let_go = true;
    for (const std::shared_ptr<Lease>& lease : leases) all_let_go &= lease->LetGoIfBroken();
    return all_let_go;
  }

  const pid_t process_ = getpid();
  pid_t thread_ = 0;
  std::mutex mutex_;
  std::vector<std::shared_ptr<Lease>> leases_;
};

std::unique_ptr<FileLease> FileLease::Take(int fd, LetGo let_go) {
  const int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (own < 0) return nullptr;
  Keeper& keeper = Keeper::OfProcess();
  std::shared_ptr<Lease> lease = keeper.Take(own, std::move(let_go));
  if (lease == nullptr) return nullptr;
  return std::unique_ptr<FileLease>(new FileLease(keeper, std::move(lease)));
}

FileLease::FileLease(Keeper& keeper, std::shared_ptr<Lease> lease)
    : keeper_(keeper), lease_(std::move(lease)) {}

void FileLease::LetGoSoon() {
  lease_->Ask();
  keeper_.Wake();
}

FileLease::~FileLease() {
  keeper_.Drop(lease_);
  lease_->GiveBack();
}

}  // namespace raceway::engine::load
