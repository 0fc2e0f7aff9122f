#pragma once

#include <raceway/engine.h>

#include <atomic>
#include <coroutine>
#include <functional>
#include <optional>
#include <utility>

namespace raceway {
inline namespace v0 {

/// Where a coroutine goes on whose request has not ended when it suspends: called in a thread of
/// the engine, it hands the handle to the thread that is to resume it (`post` of an event loop).
/// Must not throw. None: the engine's thread, for coroutines that do little and never wait for
/// other requests.
using ResumeOn = std::function<void(std::coroutine_handle<>)>;

/// A request that starts when it is awaited, once, and gives its result: see `Await`.
class Awaitable {
 public:
  Awaitable(Flow flow, Table rows, RequestOptions options, ResumeOn resume_on)
      : flow_(std::move(flow)),
        rows_(std::move(rows)),
        options_(std::move(options)),
        resume_on_(std::move(resume_on)) {}
  Awaitable(const Awaitable&) = delete;  // the completion holds `this`

  bool await_ready() const noexcept { return false; }
  // Whoever comes second, this thread or the completion, goes on: so a request that ends at once
  // neither resumes the coroutine below itself nor is lost.
  bool await_suspend(std::coroutine_handle<> handle) {
    flow_.Submit(rows_, options_, [this, handle](Result<Table> result) {
      result_ = std::move(result);
      if (!is_second_.exchange(true, std::memory_order_acq_rel)) return;
      if (!resume_on_) return handle.resume();
      // The coroutine may be over, and we with it, before the function returns.
      const ResumeOn resume_on = std::move(resume_on_);
      resume_on(handle);
    });
    return !is_second_.exchange(true, std::memory_order_acq_rel);
  }
  Result<Table> await_resume() { return *std::move(result_); }

 private:
  Flow flow_;
  Table rows_;
  RequestOptions options_;
  ResumeOn resume_on_;
  std::optional<Result<Table>> result_;
  std::atomic<bool> is_second_ = false;
};

/// Result<Table> rows = co_await Await(flow, table, {.deadline = 50ms});
///
/// The coroutine goes on by `resume_on`; where the request has ended by the time that it would
/// suspend (the table is not what the flow takes, or a worker was quick), at once in its own
/// thread. Whoever destroys a coroutine that waits here must let the request end first.
///
/// Errors   those of a request: see `Flow`
inline Awaitable Await(Flow flow, Table rows, RequestOptions options = {},
                       ResumeOn resume_on = nullptr) {
  return {std::move(flow), std::move(rows), std::move(options), std::move(resume_on)};
}

}  // namespace v0
}  // namespace raceway
