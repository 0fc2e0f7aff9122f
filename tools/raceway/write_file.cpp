#include "tools/raceway/write_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace raceway::tools {

using engine::Error;
using engine::ErrorCode;

engine::Status WriteFile(const std::filesystem::path& given, const std::string& text) {
  std::error_code ignored;
  // What a link points to is written, not the link; a device or pipe is written into.
  const std::filesystem::path target = std::filesystem::weakly_canonical(given, ignored);
  const std::filesystem::path& path = target.empty() ? given : target;
  const bool is_special =
      std::filesystem::exists(path, ignored) && !std::filesystem::is_regular_file(path, ignored);
  const std::filesystem::path part = path.string() + ".part" + std::to_string(::getpid());
  const auto fail = [&](const char* what) {
    const std::string reason = std::strerror(errno);
    if (!is_special) ::unlink(part.c_str());
    return Error{ErrorCode::kUnavailable,
                 "cannot " + std::string(what) + " `" + given.string() + "`: " + reason};
  };
  if (std::filesystem::is_directory(path, ignored)) {
    return Error{ErrorCode::kUnavailable, "cannot write `" + given.string() + "`: it is a folder"};
  }
  const int descriptor = is_special
                             ? ::open(path.c_str(), O_WRONLY | O_CLOEXEC)
                             : ::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor < 0) return fail("write");
  struct stat before {};
  if (!is_special && ::stat(path.c_str(), &before) == 0) ::fchmod(descriptor, before.st_mode);
  size_t written = 0;
  while (written < text.size()) {
    const ssize_t count = ::write(descriptor, text.data() + written, text.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      const int reason = errno;
      ::close(descriptor);
      errno = reason;
      return fail("write");
    }
    written += static_cast<size_t>(count);
  }
  if (::close(descriptor) != 0) return fail("write");
  if (!is_special && ::rename(part.c_str(), path.c_str()) != 0) return fail("write");
  return engine::Done{};
}

}  // namespace raceway::tools
