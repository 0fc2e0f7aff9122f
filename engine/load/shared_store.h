#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "engine/result.h"

namespace raceway::engine::load {

/// Bytes in memory that all processes of a user can have, once for all of them: a file of a file
/// system in memory. Closed at the end, and removed by the last that has it.
///
/// Either published: whole and never written again. Or not yet, and then of the one process that
/// is writing it; nobody else can find it before, also if that process dies.
///
/// Threads  all functions, from any
class SharedBlock {
 public:
  ~SharedBlock();
  SharedBlock(const SharedBlock&) = delete;

  uint64_t size() const { return size_; }
  /// Of the file: to be mapped privately by who reads, so that whoever writes gets copies.
  int fd() const { return fd_; }
  bool is_published() const { return is_published_; }

  /// From now on others find it, and it is written no more. At most once, by one thread.
  ///
  /// Errors   Unavailable with the reason; it then stays this process's own
  Status Publish();
  /// It will not be published: somebody else may try.
  void GiveUp();

 private:
  friend class SharedStore;
  SharedBlock(std::filesystem::path path, int fd, int lock_fd, uint64_t size)
      : path_(std::move(path)), fd_(fd), lock_fd_(lock_fd), size_(size) {}

  const std::filesystem::path path_;
  int fd_;
  int lock_fd_;  // of whoever writes; else -1
  const uint64_t size_;
  bool is_published_ = false;
};

/// The shared blocks of this user, by names.
///
/// Threads  all functions, from any
/// Source   Tetris (ATC 2022) shares tensors between functions of a host in this way
class SharedStore {
 public:
  /// `folder` lies in memory.
  explicit SharedStore(std::filesystem::path folder = "/dev/shm");

  /// The published block of that name, or else a new one that the caller is to write, and the
  /// caller only: others that ask for it meanwhile, in whatever process, wait until it is
  /// published or given up. Blocks that nobody has, left by processes that died, are removed.
  ///
  /// Input    name      letters and digits that say what is in it, such as a strong hash
  ///          size      in bytes; all of it is reserved, since memory that ran out later would end
  ///                    the process
  ///          max_wait  for who is writing it
  /// Errors   Unavailable if the folder takes no such file or has not that much room, or the wait
  ///          was in vain
  Result<std::shared_ptr<SharedBlock>> Get(std::string_view name, uint64_t size,
                                           std::chrono::milliseconds max_wait);

  /// Removes what nobody has. `Get` does so, too.
  void RemoveStale() const;

 private:
  std::filesystem::path PathOf(std::string_view name) const;

  const std::filesystem::path folder_;
  const std::string prefix_;  // of this user's files
};

}  // namespace raceway::engine::load
