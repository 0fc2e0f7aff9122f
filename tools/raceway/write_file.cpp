#include "tools/raceway/write_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace raceway::tools {

using engine::Error;
using engine::ErrorCode;

namespace {

/// Where the bytes go: what a link points to is written, not the link; a device or pipe is written
/// into.
struct Target {
  explicit Target(const std::filesystem::path& given) {
    std::error_code ignored;
    path = std::filesystem::weakly_canonical(given, ignored);
    if (path.empty()) path = given;
    is_special =
        std::filesystem::exists(path, ignored) && !std::filesystem::is_regular_file(path, ignored);
    part = path.string() + ".part" + std::to_string(::getpid());
  }

  int Open() const {
    return is_special ? ::open(path.c_str(), O_WRONLY | O_CLOEXEC)
                      : ::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  }
  void RemovePart() const {
    if (!is_special) ::unlink(part.c_str());
  }

  std::filesystem::path path;
  std::filesystem::path part;  // of a file, until it is whole
  bool is_special = false;
};

Error Unwritable(const std::filesystem::path& path, const std::string& why) {
  return {ErrorCode::kUnavailable, "cannot write `" + path.string() + "`: " + why};
}

}  // namespace

engine::Status WriteFile(const std::filesystem::path& given, const std::string& text) {
  const Target target(given);
  const auto fail = [&] {
    const std::string reason = std::strerror(errno);
    target.RemovePart();
    return Unwritable(given, reason);
  };
  std::error_code ignored;
  if (std::filesystem::is_directory(target.path, ignored))
    return Unwritable(given, "it is a folder");
  const int descriptor = target.Open();
  if (descriptor < 0) return fail();
  struct stat before {};
  if (!target.is_special && ::stat(target.path.c_str(), &before) == 0) {
    ::fchmod(descriptor, before.st_mode);
  }
  size_t written = 0;
  while (written < text.size()) {
    const ssize_t count = ::write(descriptor, text.data() + written, text.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      const int reason = errno;
      ::close(descriptor);
      errno = reason;
      return fail();
    }
    written += static_cast<size_t>(count);
  }
  if (::close(descriptor) != 0) return fail();
  if (!target.is_special && ::rename(target.part.c_str(), target.path.c_str()) != 0) return fail();
  return engine::Done{};
}

engine::Status CheckOutput(const std::filesystem::path& path,
                           const std::vector<std::filesystem::path>& inputs) {
  std::error_code ignored;
  for (const std::filesystem::path& input : inputs) {
    if (!std::filesystem::is_regular_file(input, ignored)) continue;
    if (!std::filesystem::equivalent(path, input, ignored)) continue;
    return Error{ErrorCode::kInvalidArgument, "`" + path.string() + "` would be written over `" +
                                                  input.string() + "`, which is read"};
  }
  const Target target(path);
  if (std::filesystem::is_directory(target.path, ignored))
    return Unwritable(path, "it is a folder");
  if (target.is_special) return engine::Done{};
  const int descriptor = target.Open();
  const std::string reason = std::strerror(errno);
  if (descriptor < 0) return Unwritable(path, reason);
  ::close(descriptor);
  target.RemovePart();
  return engine::Done{};
}

}  // namespace raceway::tools
