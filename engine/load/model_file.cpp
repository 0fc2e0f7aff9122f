#include "engine/load/model_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace raceway::engine::load {
namespace {

/// The same file once more, also when the name belongs to another one by now. -1 where that cannot
/// be.
int OpenDirect(int cached_fd, const std::string& path, const struct stat& opened) {
  const std::string link = "/proc/self/fd/" + std::to_string(cached_fd);
  for (const std::string& name : {link, path}) {
    const int fd = open(name.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC);
    if (fd < 0) continue;
    struct stat same = {};
    if (fstat(fd, &same) == 0 && same.st_dev == opened.st_dev && same.st_ino == opened.st_ino) {
      return fd;
    }
    close(fd);
  }
  return -1;
}

Error Unavailable(const std::string& path, const char* reason) {
  return Error{ErrorCode::kUnavailable, path + ": " + reason};
}

}  // namespace

Result<std::shared_ptr<ModelFile>> ModelFile::Open(std::string path, bool allow_direct) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // a pipe would wait
  if (fd < 0) return Unavailable(path, std::strerror(errno));
  struct stat opened = {};
  if (fstat(fd, &opened) != 0 || !S_ISREG(opened.st_mode)) {
    close(fd);
    return Unavailable(path, S_ISDIR(opened.st_mode) ? "is a folder" : "is not a file");
  }
  const int direct_fd = allow_direct ? OpenDirect(fd, path, opened) : -1;
  std::shared_ptr<ModelFile> file(new ModelFile(std::move(path), fd, direct_fd, opened));
  if (!allow_direct) file->RefuseDirect();  // as was asked for: nobody need be told
  return file;
}

ModelFile::ModelFile(std::string path, int cached_fd, int direct_fd, const struct stat& opened)
    : path_(std::move(path)), cached_fd_(cached_fd), direct_fd_(direct_fd), opened_(opened) {}

ModelFile::~ModelFile() {
  close(cached_fd_);
  if (direct_fd_ >= 0) close(direct_fd_);
}

std::string ModelFile::Identity() const {
  std::string text;
  for (const int64_t part :
       {static_cast<int64_t>(opened_.st_dev), static_cast<int64_t>(opened_.st_ino),
        static_cast<int64_t>(opened_.st_size), static_cast<int64_t>(opened_.st_mtim.tv_sec),
        static_cast<int64_t>(opened_.st_mtim.tv_nsec)}) {
    text += std::to_string(part) + ":";
  }
  return text;
}

Status ModelFile::CheckUnchanged() const {
  struct stat now = {};
  // Not the time of the last change of the inode: renaming a file, or another file onto its name,
  // changes that as well.
  if (fstat(cached_fd_, &now) == 0 && now.st_size == opened_.st_size &&
      now.st_mtim.tv_sec == opened_.st_mtim.tv_sec &&
      now.st_mtim.tv_nsec == opened_.st_mtim.tv_nsec) {
    return Done{};
  }
  return Error{ErrorCode::kFailed, path_ + ": was changed while it was being read"};
}

}  // namespace raceway::engine::load
