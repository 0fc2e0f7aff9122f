#pragma once

#include <functional>
#include <memory>

namespace raceway::engine::load {

/// While this is held nobody writes into an open file, nor cuts it short: whoever opens it for
/// that, or truncates it, waits until it has been let go (fcntl(2), F_SETLEASE). The system lets
/// nobody wait longer than /proc/sys/fs/lease-break-time, 45 s.
///
/// The signal by which the system tells goes to a thread that waits for it and for nothing else:
/// no handler, and no other thread sees it. The thread begins with the first lease and stays; it
/// gives way to others.
///
/// Threads  all functions, from any
class FileLease {
 public:
  /// Called when somebody is waiting, by the thread of the leases, again after some time until it
  /// says that the file's bytes are needed no more. Then the lease is given back.
  using LetGo = std::function<bool()>;

  /// Null where there is none to be had: the file is open for writing somewhere, belongs to
  /// another user, or lies on a file system without leases. Keeps the file open, not `fd`.
  static std::unique_ptr<FileLease> Take(int fd, LetGo let_go);
  /// Gives it back; waits for a `let_go` that is under way.
  ~FileLease();
  /// As if somebody were waiting.
  void LetGoSoon();
  FileLease(const FileLease&) = delete;

 private:
  class Keeper;
  class Lease;
  FileLease(Keeper& keeper, std::shared_ptr<Lease> lease);

  Keeper& keeper_;
  const std::shared_ptr<Lease> lease_;
};

}  // namespace raceway::engine::load
