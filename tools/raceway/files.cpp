#include "tools/raceway/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "dsl/source.h"
#include "tools/raceway/file_hash.h"

namespace raceway::tools {
namespace {

using engine::Error;
using engine::ErrorCode;
using engine::Result;

Error Unavailable(const std::filesystem::path& path, const std::string& reason) {
  return {ErrorCode::kUnavailable, "cannot read `" + path.string() + "`: " + reason};
}

}  // namespace

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

Result<compiler::FileText> FlowFiles::Read(const std::string& path) {
  const std::filesystem::path full = base_dir_ / path;
  std::error_code ignored;
  if (std::filesystem::exists(full, ignored) && !std::filesystem::is_regular_file(full, ignored) &&
      !std::filesystem::is_directory(full, ignored)) {
    return Unavailable(full, "it is no file");  // a pipe would be waited for
  }
  Result<std::string> text = ReadFile(full, dsl::Source::kMaxBytes);
  if (!text.ok()) return text.error();
  std::string hash = HashText(*text);
  const std::filesystem::path identity = std::filesystem::canonical(full, ignored);
  const auto num_bytes = static_cast<int64_t>(text->size());
  return compiler::FileText{*std::move(text),
                            {path, std::move(hash), num_bytes},
                            ignored ? full.string() : identity.string()};
}

Result<std::vector<engine::FunctionContract>> FlowFiles::Functions(const std::string& path) {
  libraries_.insert(path);
  return FunctionsIn(base_dir_ / path, path, probing_);
}

Result<engine::FileSpec> FlowFiles::Hashed(const std::string& path) const {
  return HashFile(base_dir_, path);
}

}  // namespace raceway::tools
