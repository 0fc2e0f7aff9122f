#pragma once

#include <atomic>
#include <optional>

#include "engine/clock.h"
#include "engine/result.h"

namespace raceway::engine {

/// Why a request should stop, if it should. Shared by the caller, who cancels, and the nodes and
/// operators, who ask between pieces of work.
///
/// Threads  `Cancel` and `Check` may be called from any thread at any time
class CancelToken {
 public:
  CancelToken() = default;
  CancelToken(const CancelToken&) = delete;

  void Cancel() { cancelled_.store(true, std::memory_order_release); }
  bool is_cancelled() const {
    return cancelled_.load(std::memory_order_acquire) ||
           (parent_ != nullptr && parent_->is_cancelled());
  }

  /// Whoever cancels `parent` cancels this too. Set before the request is submitted, not changed
  /// afterwards; null for none, else it must outlive the token.
  void SetParent(const CancelToken* parent) { parent_ = parent; }

  /// Set before the request is submitted, not changed afterwards. `clock` must outlive the token.
  void SetDeadline(TimePoint deadline, const Clock& clock) {
    deadline_ = deadline;
    clock_ = &clock;
  }
  const std::optional<TimePoint>& deadline() const { return deadline_; }

  /// Whether somebody may yet make it stop, so that it is worth asking often: it has a deadline or
  /// a parent, or is cancelled already.
  bool may_stop() const { return deadline_ || parent_ != nullptr || is_cancelled(); }

  /// The reason to stop, if there is one. Reads the clock only where there is a deadline.
  std::optional<ErrorCode> Check() const {
    if (is_cancelled()) return ErrorCode::kCancelled;
    if (deadline_ && clock_->Now() >= *deadline_) return ErrorCode::kDeadlineExceeded;
    return std::nullopt;
  }

 private:
  std::atomic<bool> cancelled_ = false;
  std::optional<TimePoint> deadline_;
  const Clock* clock_ = nullptr;
  const CancelToken* parent_ = nullptr;
};

}  // namespace raceway::engine
