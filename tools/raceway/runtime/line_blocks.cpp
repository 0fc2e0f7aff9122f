#include "tools/raceway/runtime/line_blocks.h"

#include <chrono>
#include <utility>

namespace raceway::tools {
namespace {

using engine::Error;
using engine::ErrorCode;

constexpr size_t kBlockBytes = size_t{4} << 20;

/// How long a pipe may be silent before it is asked whether anybody still waits for it. (The signal
/// may reach another thread, or come just before the reading.)
constexpr std::chrono::milliseconds kPatience(100);

}  // namespace

LineBlocks::LineBlocks(const std::string& file)
    : name_(file), file_(file == "-" ? "/dev/stdin" : file) {}

engine::Result<std::string> LineBlocks::Next(const engine::CancelToken& cancel) {
  std::string block = std::exchange(rest_, "");
  while (true) {
    const size_t begin = block.size();
    block.resize(begin + kBlockBytes);
    while (!cancel.is_cancelled() && !file_.WaitForMore(kPatience)) {
    }
    if (cancel.is_cancelled()) return Error{ErrorCode::kCancelled, ""};
    const ssize_t count = file_.Read(block.data() + begin, kBlockBytes);
    if (count < 0) {
      return Error{ErrorCode::kUnavailable, "cannot read `" + name_ + "`: " + file_.reason()};
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
