#pragma once

#include <raceway/export.h>

#include <memory>

namespace raceway {
inline namespace v0 {

class CancelSource;

/// Tells requests to stop; see `CancelSource`. One that was made by itself never does.
///
/// Threads  any
class RACEWAY_API CancelToken {
 public:
  CancelToken() = default;

  bool is_cancelled() const;

  struct RACEWAY_HIDDEN State;  // the library's own

 private:
  friend class CancelSource;
  friend struct CancelAccess;
  explicit CancelToken(std::shared_ptr<State> state);

  std::shared_ptr<State> state_;
};

/// Cancels the requests that were given one of its tokens, at once and for good. They end with
/// `kCancelled`; a model that is running is left at its next LibTorch operator.
///
/// Threads  any, a signal handler's too
class RACEWAY_API CancelSource {
 public:
  CancelSource();
  CancelSource(const CancelSource&) = default;  // cancels the same
  CancelSource& operator=(const CancelSource&) = default;

  void Cancel() const;
  bool is_cancelled() const;
  CancelToken token() const;

 private:
  std::shared_ptr<CancelToken::State> state_;
};

}  // namespace v0
}  // namespace raceway
