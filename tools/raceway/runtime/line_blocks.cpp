#include "tools/raceway/runtime/line_blocks.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace raceway::tools {
namespace {

constexpr size_t kBlockBytes = size_t{4} << 20;

/// How long a pipe may be silent before it is asked whether anybody still waits for it. (The signal
/// may reach another thread, or come just before the reading.)
constexpr int kPatienceMs = 100;

/// Until there is something to read (the end and errors, too) or nobody waits for it any more.
void WaitForMore(int descriptor, const engine::CancelToken& cancel) {
  pollfd wanted{descriptor, POLLIN, 0};
  while (!cancel.is_cancelled()) {
    const int ready = ::poll(&wanted, 1, kPatienceMs);
    if (ready > 0 || (ready < 0 && errno != EINTR)) return;
  }
}

}  // namespace

LineBlocks::LineBlocks(const std::string& file)
    : name_(file),
      descriptor_(::open(file == "-" ? "/dev/stdin" : file.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (descriptor_ < 0) {
    reason_ = std::strerror(errno);
  } else if (struct stat info; ::fstat(descriptor_, &info) == 0 && S_ISDIR(info.st_mode)) {
    reason_ = "it is a folder";
  }
}

LineBlocks::~LineBlocks() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

engine::Result<std::string> LineBlocks::Next(const engine::CancelToken& cancel) {
  std::string block = std::exchange(rest_, "");
  while (true) {
    const size_t begin = block.size();
    block.resize(begin + kBlockBytes);
    WaitForMore(descriptor_, cancel);
    if (cancel.is_cancelled()) return engine::Error{engine::ErrorCode::kCancelled, ""};
    ssize_t count = 0;
    do {
      count = ::read(descriptor_, block.data() + begin, kBlockBytes);
    } while (count < 0 && errno == EINTR && !cancel.is_cancelled());
    if (count < 0) {
      return engine::Error{engine::ErrorCode::kUnavailable,
                           "cannot read `" + name_ + "`: " + std::strerror(errno)};
    }
    block.resize(begin + static_cast<size_t>(count));
    num_bytes_ += count;
    if (count == 0) return block;
    const size_t end = block.rfind('\n');
    if (end == std::string::npos || block.size() < kBlockBytes) continue;
    rest_ = block.substr(end + 1);
    block.resize(end + 1);
    return block;
  }
}

}  // namespace raceway::tools
