#include "engine/input_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

namespace raceway::engine {

InputFile::InputFile(const std::filesystem::path& path)
    : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (descriptor_ < 0) {
    reason_ = std::strerror(errno);
  } else if (struct stat info; ::fstat(descriptor_, &info) == 0 && S_ISDIR(info.st_mode)) {
    reason_ = "it is a folder";
  }
}

InputFile::~InputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

ssize_t InputFile::Read(char* buffer, size_t size) {
  ssize_t count = 0;
  do {
    count = ::read(descriptor_, buffer, size);
  } while (count < 0 && errno == EINTR);
  if (count < 0) reason_ = std::strerror(errno);
  return count;
}

bool InputFile::WaitForMore(std::chrono::milliseconds patience) const {
  pollfd wanted{descriptor_, POLLIN, 0};
  const int ready = ::poll(&wanted, 1, static_cast<int>(patience.count()));
  return ready > 0 || (ready < 0 && errno != EINTR);
}

Result<std::string> ReadFile(const std::filesystem::path& path, int64_t max_bytes) {
  const auto unavailable = [&](const std::string& reason) {
    return Error{ErrorCode::kUnavailable, "cannot read `" + path.string() + "`: " + reason};
  };
  InputFile file(path);
  if (!file.reason().empty()) return unavailable(file.reason());
  std::string text;
  std::vector<char> buffer(1 << 16);
  while (true) {
    const ssize_t count = file.Read(buffer.data(), buffer.size());
    if (count < 0) return unavailable(file.reason());
    if (count == 0) return text;
    text.append(buffer.data(), static_cast<size_t>(count));
    if (static_cast<int64_t>(text.size()) > max_bytes) {
      return unavailable("it is larger than " + std::to_string(max_bytes) + " bytes");
    }
  }
}

}  // namespace raceway::engine
