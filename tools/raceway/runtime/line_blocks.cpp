#include "tools/raceway/runtime/line_blocks.h"

#include <utility>

namespace raceway::tools {
namespace {

constexpr size_t kBlockBytes = size_t{4} << 20;

}  // namespace

LineBlocks::LineBlocks(const std::string& file)
    : name_(file), file_(std::make_unique<engine::InputFile>(file == "-" ? "/dev/stdin" : file)) {}

engine::Result<std::string> LineBlocks::Next() {
  std::string block = std::exchange(rest_, "");
  while (true) {
    const size_t begin = block.size();
    block.resize(begin + kBlockBytes);
    const ssize_t count = file_->Read(block.data() + begin, kBlockBytes);
    if (count < 0) {
      return engine::Error{engine::ErrorCode::kUnavailable,
                           "cannot read `" + name_ + "`: " + file_->reason()};
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
