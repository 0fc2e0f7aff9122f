#pragma once

#include <raceway/export.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace raceway {
inline namespace v0 {

enum class ErrorCode {
  kInvalidArgument,      // the table, plan or option is not what is asked for
  kFailed,               // an operator could not do its work on these rows
  kCancelled,            // the caller stopped the request
  kDeadlineExceeded,     // the request's time ran out
  kTimeout,              // the time that the flow gives a step ran out, not the request's
  kUnavailable,          // the machine lacks something: a file, a device; or the engine has ended
  kUnsupported,          // a plan or model asks for what this release cannot do
  kInternal,             // a fault of the library, met at run time
  kDeadlineUnreachable,  // the request's time would run out: it was not begun
  kOverloaded,           // there is more to do than can be done: try again later
};

/// "invalid argument", "failed", …
RACEWAY_API std::string_view NameOf(ErrorCode code);

/// Why something did not succeed.
struct RACEWAY_API Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;
  std::string stage = {};  // of a request: "map(decode) at cascade.flow:12:5"; may be empty
  /// Of a request: the row of its table that caused it, from 0; -1 if no single one did.
  int64_t row = -1;

  /// One line: stage, row (there from 1) and message.
  std::string Text() const;
};

/// Ends the process with `error` on standard error: for values that are not there.
[[noreturn]] RACEWAY_API void Abort(const Error& error);

/// A value or an error. Asking for the one that is not there ends the process.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & { return Check(), *std::get_if<0>(&state_); }
  const T& value() const& { return Check(), *std::get_if<0>(&state_); }
  T&& value() && { return Check(), std::move(*std::get_if<0>(&state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  Error& error() & { return CheckError(), *std::get_if<1>(&state_); }
  const Error& error() const& { return CheckError(), *std::get_if<1>(&state_); }
  Error&& error() && { return CheckError(), std::move(*std::get_if<1>(&state_)); }

 private:
  void Check() const {
    if (!ok()) Abort(*std::get_if<1>(&state_));
  }
  void CheckError() const {
    if (ok()) Abort({ErrorCode::kInternal, "there is no error: it succeeded"});
  }

  std::variant<T, Error> state_;
};

/// For functions that have nothing to return but an error.
struct Done {};
using Status = Result<Done>;

}  // namespace v0
}  // namespace raceway
