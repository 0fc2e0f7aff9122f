#include "tools/raceway/files.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include "dsl/source.h"

namespace raceway::tools {
namespace {

using engine::Error;
using engine::ErrorCode;
using engine::Result;

Error Unavailable(const std::filesystem::path& path, const std::string& reason) {
  return {ErrorCode::kUnavailable, "cannot read `" + path.string() + "`: " + reason};
}

/// SHA-256 of what is added.
class Hash {
 public:
  Hash() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
    EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr);
  }
  void Add(std::string_view bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }
  /// In hexadecimal; nothing can be added after it.
  std::string Text();

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

std::string Hex(const unsigned char* bytes, size_t size) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i < size; ++i) {
    text += kDigits[bytes[i] >> 4];
    text += kDigits[bytes[i] & 15];
  }
  return text;
}

std::string Hash::Text() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int size = 0;
  EVP_DigestFinal_ex(context_.get(), digest.data(), &size);
  return Hex(digest.data(), size);
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
  Hash hash;
  hash.Add(*text);
  const std::filesystem::path identity = std::filesystem::canonical(full, ignored);
  const auto num_bytes = static_cast<int64_t>(text->size());
  return compiler::FileText{*std::move(text),
                            {path, hash.Text(), num_bytes},
                            ignored ? full.string() : identity.string()};
}

Result<engine::FileSpec> HashedFiles::Describe(const std::string& path) {
  const std::filesystem::path full = base_dir() / path;
  engine::InputFile file(full);
  if (!file.reason().empty()) return Unavailable(full, file.reason());
  Hash hash;
  engine::FileSpec spec{path, "", 0};
  std::vector<char> buffer(1 << 18);
  while (true) {
    const ssize_t count = file.Read(buffer.data(), buffer.size());
    if (count < 0) return Unavailable(full, file.reason());
    if (count == 0) break;
    spec.num_bytes += count;
    hash.Add({buffer.data(), static_cast<size_t>(count)});
  }
  spec.sha256 = hash.Text();
  return spec;
}

}  // namespace raceway::tools
