#include "engine/load/shared_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <thread>
#include <utility>

namespace raceway::engine::load {
namespace {

constexpr std::chrono::milliseconds kAskAgain(2);
constexpr std::string_view kLockSuffix = ".lock";

Error Unavailable(const std::filesystem::path& path, const char* what) {
  return {ErrorCode::kUnavailable, path.string() + ": " + what + ": " + std::strerror(errno)};
}

bool Lock(int fd, int how) {
  int locked = -1;
  do {
    locked = flock(fd, how);
  } while (locked != 0 && errno == EINTR);
  return locked == 0;
}

/// Whether the name still belongs to the open file.
bool IsNamed(int fd, const std::filesystem::path& path) {
  struct stat open = {};
  struct stat named = {};
  return fstat(fd, &open) == 0 && lstat(path.c_str(), &named) == 0 && open.st_dev == named.st_dev &&
         open.st_ino == named.st_ino;
}

/// Whether a file may be believed: nobody else could have put it there.
bool IsOurs(int fd, uint64_t size) {
  struct stat info = {};
  return fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_uid == geteuid() &&
         (info.st_mode & (S_IWGRP | S_IWOTH)) == 0 && static_cast<uint64_t>(info.st_size) == size;
}

/// The published file of that name, held so that nobody removes it; -1 if there is none.
int OpenPublished(const std::filesystem::path& path, uint64_t size) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return -1;
  if (IsOurs(fd, size) && Lock(fd, LOCK_SH | LOCK_NB) && IsNamed(fd, path)) return fd;
  close(fd);
  return -1;
}

/// The right to write a file of that name; -1 while another has it.
int TakeRight(const std::filesystem::path& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
  if (fd < 0) return -1;
  if (Lock(fd, LOCK_EX | LOCK_NB) && IsNamed(fd, path)) return fd;
  close(fd);
  errno = EWOULDBLOCK;
  return -1;
}

void DropRight(int lock_fd, const std::filesystem::path& path) {
  unlink(path.c_str());  // first: whoever waits for it sees that it is no longer there
  close(lock_fd);
}

/// A file without a name, which goes with its process; -1 without room.
int MakeFile(const std::filesystem::path& folder, uint64_t size) {
  const int fd = open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (fd < 0) return -1;
  if (ftruncate(fd, static_cast<off_t>(size)) == 0 &&
      (size == 0 || fallocate(fd, 0, 0, static_cast<off_t>(size)) == 0)) {
    return fd;
  }
  const int error = errno;
  close(fd);
  errno = error;
  return -1;
}

/// Removes a file that nobody holds.
void RemoveUnused(const std::filesystem::path& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return;
  if (Lock(fd, LOCK_EX | LOCK_NB) && IsNamed(fd, path)) unlink(path.c_str());
  close(fd);
}

std::filesystem::path LockPathOf(const std::filesystem::path& path) {
  return path.string() + std::string(kLockSuffix);
}

}  // namespace

SharedBlock::~SharedBlock() {
  GiveUp();
  // Whoever else has it holds it, too. A lock that is asked for again is let go first, so of
  // several that end at once the last one gets it.
  if (is_published_ && Lock(fd_, LOCK_EX | LOCK_NB) && IsNamed(fd_, path_)) unlink(path_.c_str());
  close(fd_);
}

Status SharedBlock::Publish() {
  const std::string link = "/proc/self/fd/" + std::to_string(fd_);
  const bool published =
      fchmod(fd_, S_IRUSR) == 0 && Lock(fd_, LOCK_SH) &&
      linkat(AT_FDCWD, link.c_str(), AT_FDCWD, path_.c_str(), AT_SYMLINK_FOLLOW) == 0;
  Status status = published ? Status(Done{}) : Unavailable(path_, "cannot be published");
  is_published_ = published;
  GiveUp();
  return status;
}

void SharedBlock::GiveUp() {
  if (lock_fd_ < 0) return;
  DropRight(lock_fd_, LockPathOf(path_));
  lock_fd_ = -1;
}

SharedStore::SharedStore(std::filesystem::path folder)
    : folder_(std::move(folder)), prefix_("raceway-" + std::to_string(geteuid()) + "-") {}

std::filesystem::path SharedStore::PathOf(std::string_view name) const {
  return folder_ / (prefix_ + std::string(name));
}

Result<std::shared_ptr<SharedBlock>> SharedStore::Get(std::string_view name, uint64_t size,
                                                      std::chrono::milliseconds max_wait) {
  const std::filesystem::path path = PathOf(name);
  const auto block = [&](int fd, int lock_fd) {
    return std::shared_ptr<SharedBlock>(new SharedBlock(path, fd, lock_fd, size));
  };
  const auto find = [&]() -> std::shared_ptr<SharedBlock> {
    const int fd = OpenPublished(path, size);
    if (fd < 0) return nullptr;
    auto published = block(fd, -1);
    published->is_published_ = true;
    return published;
  };
  const auto give_up = std::chrono::steady_clock::now() + max_wait;
  int lock_fd = -1;
  while (lock_fd < 0) {
    if (auto published = find()) return published;
    lock_fd = TakeRight(LockPathOf(path));
    if (lock_fd >= 0) break;
    if (errno != EWOULDBLOCK) return Unavailable(path, "cannot be shared");
    if (std::chrono::steady_clock::now() >= give_up) return Unavailable(path, "is being written");
    std::this_thread::sleep_for(kAskAgain);
  }
  auto published = find();  // since it was asked for last
  if (!published) RemoveStale();
  const int fd = published ? -1 : MakeFile(folder_, size);
  if (fd >= 0) return block(fd, lock_fd);
  Error error = Unavailable(path, "cannot be shared");
  DropRight(lock_fd, LockPathOf(path));
  if (published) return published;
  return error;
}

void SharedStore::RemoveStale() const {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder_, error)) {
    if (entry.path().filename().string().starts_with(prefix_)) RemoveUnused(entry.path());
  }
}

}  // namespace raceway::engine::load
