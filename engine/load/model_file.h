#pragma once

#include <sys/stat.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "engine/result.h"

namespace raceway::engine::load {

/// A file of weights, open for reading; closed at the end.
///
/// Whoever replaces the file by another of its name does not disturb: what was opened stays.
/// Whoever writes into it is found out by `CheckUnchanged`.
///
/// Threads  all functions, from any
class ModelFile {
 public:
  /// `allow_direct`: open it past the page cache as well, where its file system can do that.
  /// Errors   Unavailable with the reason: missing, a folder, not readable
  static Result<std::shared_ptr<ModelFile>> Open(std::string path, bool allow_direct = true);
  /// The file that somebody has open as `descriptor`, whatever `path` is by now.
  static Result<std::shared_ptr<ModelFile>> OfOpen(int descriptor, std::string path);
  ~ModelFile();
  ModelFile(const ModelFile&) = delete;

  const std::string& path() const { return path_; }
  /// What tells it from other files of this host, and from itself once it has been written into.
  std::string Identity() const;
  uint64_t size() const { return static_cast<uint64_t>(opened_.st_size); }  // when it was opened
  int cached_fd() const { return cached_fd_; }  // reads through the page cache
  int direct_fd() const { return direct_fd_; }  // O_DIRECT: reads whole blocks past it; or -1

  /// Whether to read past the page cache.
  bool is_direct() const {
    return direct_fd_ >= 0 && !direct_refused_.load(std::memory_order_relaxed);
  }
  /// It opened so, but does not read so. True for the first who says it.
  bool RefuseDirect() { return !direct_refused_.exchange(true, std::memory_order_relaxed); }

  /// Errors   Failed if its size or the time of its last change is not what it was when it was
  ///          opened
  Status CheckUnchanged() const;

 private:
  static Result<std::shared_ptr<ModelFile>> Own(int fd, std::string path, bool allow_direct);
  ModelFile(std::string path, int cached_fd, int direct_fd, const struct stat& opened);

  const std::string path_;
  const int cached_fd_;
  const int direct_fd_;
  const struct stat opened_;
  std::atomic<bool> direct_refused_ = false;
};

}  // namespace raceway::engine::load
