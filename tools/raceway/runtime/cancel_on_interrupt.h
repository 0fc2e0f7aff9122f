#pragma once

#include <signal.h>

#include <atomic>
#include <memory>

#include "engine/cancel.h"

namespace raceway::tools {

/// Ctrl-C, and who asks the process to end, cancel what runs; a second one ends the process as
/// usual. One at a time.
class CancelOnInterrupt {
 public:
  CancelOnInterrupt() : token_(std::make_shared<engine::CancelToken>()) {
    current_ = token_.get();
    struct sigaction action {};
    action.sa_handler = [](int) {
      current_.load()->Cancel();
      struct sigaction end {};
      end.sa_handler = SIG_DFL;
      ::sigaction(SIGINT, &end, nullptr);
      ::sigaction(SIGTERM, &end, nullptr);
    };
    ::sigaction(SIGINT, &action, &interrupt_before_);
    ::sigaction(SIGTERM, &action, &end_before_);
  }
  ~CancelOnInterrupt() {
    ::sigaction(SIGINT, &interrupt_before_, nullptr);
    ::sigaction(SIGTERM, &end_before_, nullptr);
  }
  CancelOnInterrupt(const CancelOnInterrupt&) = delete;

  const std::shared_ptr<engine::CancelToken>& token() const { return token_; }

 private:
  static inline std::atomic<engine::CancelToken*> current_ = nullptr;
  std::shared_ptr<engine::CancelToken> token_;
  struct sigaction interrupt_before_ {};
  struct sigaction end_before_ {};
};

}  // namespace raceway::tools
