#pragma once

#include <algorithm>
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

  /// What stops `parent` stops this too. Set before anybody asks, not changed afterwards; null for
  /// none, else it must outlive the token.
  void SetParent(const CancelToken* parent) { parent_ = parent; }

  /// Set before anybody asks, not changed afterwards. `clock` must outlive the token.
  void SetDeadline(TimePoint deadline, const Clock& clock) {
    deadline_ = deadline;
    clock_ = &clock;
  }
  /// The earliest of its own deadline and its parents'.
  std::optional<TimePoint> deadline() const {
    const std::optional<TimePoint> inherited =
        parent_ == nullptr ? std::nullopt : parent_->deadline();
    if (!deadline_ || !inherited) return deadline_ ? deadline_ : inherited;
    return std::min(*deadline_, *inherited);
  }

  /// Whether somebody may yet make it stop, so that it is worth asking often: it has a deadline or
  /// a parent, or is cancelled already.
  bool may_stop() const { return deadline_ || parent_ != nullptr || is_cancelled(); }

  /// The reason to stop, if there is one. Reads the clock only where there is a deadline.
  std::optional<ErrorCode> Check() const {
    if (cancelled_.load(std::memory_order_acquire)) return ErrorCode::kCancelled;
    if (parent_ != nullptr) {
      if (const std::optional<ErrorCode> stop = parent_->Check()) return stop;
    }
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
