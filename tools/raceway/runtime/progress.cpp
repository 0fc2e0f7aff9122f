#include "tools/raceway/runtime/progress.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <utility>

namespace raceway::tools {

Progress::Progress(std::function<std::string()> text) : text_(std::move(text)) {
  if (::isatty(STDERR_FILENO) != 0) thread_ = std::thread([this] { Show(); });
}

Progress::~Progress() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    is_stopped_ = true;
  }
  stopped_.notify_one();
  thread_.join();
}

void Progress::Show() {
  std::unique_lock lock(mutex_);
  auto patience = std::chrono::milliseconds(1000);
  bool is_shown = false;
  while (!stopped_.wait_for(lock, patience, [this] { return is_stopped_; })) {
    std::fprintf(stderr, "\r\033[K%s", text_().c_str());
    std::fflush(stderr);
    is_shown = true;
    patience = std::chrono::milliseconds(200);
  }
  if (is_shown) std::fputs("\r\033[K", stderr);
}

}  // namespace raceway::tools
