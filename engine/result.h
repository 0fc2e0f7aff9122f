#pragma once

#include <cassert>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace raceway::engine {

enum class ErrorCode {
  kInvalidArgument,      // the request's rows or options are not what the plan asks for
  kFailed,               // an operator could not do its work on these rows
  kCancelled,            // the caller stopped the request
  kDeadlineExceeded,     // the request's time ran out
  kTimeout,              // the time that the flow gives a step ran out, not the request's
  kDeadlineUnreachable,  // the request's time would run out: it was not begun
  kOverloaded,           // there is more to do than can be done: try again later
  kUnavailable,          // the machine lacks something: a file, a device
  kUnsupported,          // a plan or model asks for what this release cannot do
  kInternal,             // our own fault, met at run time
};

/// "invalid argument", "failed", …
std::string_view NameOf(ErrorCode code);

/// Why a request or a deployment did not succeed.
struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;
  std::string stage = {};  // "map decode at cascade.flow:12:5", set by the graph; may be empty
  int64_t row_id = -1;     // the row of the request that caused it, -1 if no single one did

  /// One line: stage, row and message.
  std::string Text() const;
};

/// A value or an error.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & { return assert(ok()), *std::get_if<0>(&state_); }
  const T& value() const& { return assert(ok()), *std::get_if<0>(&state_); }
  T&& value() && { return assert(ok()), std::move(*std::get_if<0>(&state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  Error& error() & { return assert(!ok()), *std::get_if<1>(&state_); }
  const Error& error() const& { return assert(!ok()), *std::get_if<1>(&state_); }
  Error&& error() && { return assert(!ok()), std::move(*std::get_if<1>(&state_)); }

 private:
  std::variant<T, Error> state_;
};

/// For functions that have nothing to return but an error.
struct Done {};
using Status = Result<Done>;

}  // namespace raceway::engine
