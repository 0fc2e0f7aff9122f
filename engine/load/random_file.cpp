#include "engine/load/random_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <cstring>
#include <utility>

namespace raceway::engine::load {

class RandomFile::Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() { ::close(number_); }
  Descriptor(const Descriptor&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

RandomFile::RandomFile(std::shared_ptr<const Descriptor> descriptor, std::string name,
                       uint64_t begin, uint64_t size)
    : descriptor_(std::move(descriptor)), name_(std::move(name)), begin_(begin), size_(size) {}

Result<RandomFile> RandomFile::Open(const std::filesystem::path& path) {
  // A pipe would wait for a writer.
  return Taking(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK), path);
}

Result<RandomFile> RandomFile::Of(int descriptor, const std::filesystem::path& path) {
  return Taking(::fcntl(descriptor, F_DUPFD_CLOEXEC, 0), path);
}

Result<RandomFile> RandomFile::Taking(int number, const std::filesystem::path& path) {
  const auto unavailable = [&](const char* reason) {
    return Error{ErrorCode::kUnavailable, "cannot read `" + path.string() + "`: " + reason};
  };
  if (number < 0) return unavailable(std::strerror(errno));
  auto descriptor = std::make_shared<const Descriptor>(number);
  struct stat info {};
  if (::fstat(number, &info) != 0) return unavailable(std::strerror(errno));
  if (!S_ISREG(info.st_mode)) return unavailable("it is no file");
  return RandomFile(std::move(descriptor), path.string(), 0, static_cast<uint64_t>(info.st_size));
}

Result<std::string> RandomFile::Read(uint64_t offset, uint64_t size) const {
  if (offset > size_ || size > size_ - offset) {
    return Wrong(ErrorCode::kInvalidArgument, "ends before", {}, offset);
  }
  std::string bytes(size, '\0');
  if (Status read = Read(offset, bytes.data(), size); !read) return std::move(read).error();
  return bytes;
}

Status RandomFile::Read(uint64_t offset, char* bytes, uint64_t size) const {
  if (offset > size_ || size > size_ - offset) {
    return Wrong(ErrorCode::kInvalidArgument, "ends before", {}, offset);
  }
  while (size > 0) {
    const ssize_t count =
        ::pread(descriptor_->number(), bytes, size, static_cast<off_t>(begin_ + offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Wrong(ErrorCode::kUnavailable, std::strerror(errno), {}, offset);
    if (count == 0) {
      return Wrong(ErrorCode::kInvalidArgument, "has become shorter while it was read", {}, offset);
    }
    bytes += count;
    offset += static_cast<uint64_t>(count);
    size -= static_cast<uint64_t>(count);
  }
  return Done{};
}

void RandomFile::WillNeed(uint64_t offset, uint64_t size) const {
  ::posix_fadvise(descriptor_->number(), static_cast<off_t>(begin_ + offset),
                  static_cast<off_t>(size), POSIX_FADV_WILLNEED);
}

RandomFile RandomFile::Part(uint64_t offset, uint64_t size, const std::string& name) const {
  assert(offset <= size_ && size <= size_ - offset);
  return {descriptor_, name_ + "/" + name, begin_ + offset, size};
}

Error RandomFile::Wrong(ErrorCode code, const std::string& what, std::string_view record,
                        std::optional<uint64_t> offset) const {
  std::string text = "`" + name_ + "`";
  if (!record.empty()) text += ", record `" + std::string(record) + "`";
  if (offset) text += ", byte " + std::to_string(*offset);
  return {code, text + ": " + what};
}

}  // namespace raceway::engine::load
