#include <raceway/result.h>
#include <raceway/schema.h>

#include <cstdio>
#include <cstdlib>

#include "engine/data/type.h"
#include "engine/result.h"

namespace raceway {
inline namespace v0 {

std::string_view NameOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument: return "invalid argument";
    case ErrorCode::kFailed: return "failed";
    case ErrorCode::kCancelled: return "cancelled";
    case ErrorCode::kDeadlineExceeded: return "deadline exceeded";
    case ErrorCode::kTimeout: return "timeout";
    case ErrorCode::kUnavailable: return "unavailable";
    case ErrorCode::kUnsupported: return "unsupported";
    case ErrorCode::kDeadlineUnreachable: return "deadline unreachable";
    case ErrorCode::kOverloaded: return "overloaded";
    case ErrorCode::kInternal: break;
  }
  return "internal";
}

std::string Error::Text() const {
  return engine::Error{.message = message, .stage = stage, .row_id = row}.Text();
}

void Abort(const Error& error) {
  const std::string text = error.Text();
  std::fprintf(stderr, "raceway: a result was used that is an error: %s\n", text.c_str());
  std::abort();
}

std::string_view NameOf(DataType type) {
  switch (type) {
    case DataType::kBool: return "bool";
    case DataType::kI8: return "i8";
    case DataType::kI16: return "i16";
    case DataType::kI32: return "i32";
    case DataType::kI64: return "i64";
    case DataType::kU8: return "u8";
    case DataType::kU16: return "u16";
    case DataType::kU32: return "u32";
    case DataType::kU64: return "u64";
    case DataType::kF16: return "f16";
    case DataType::kBf16: return "bf16";
    case DataType::kF32: return "f32";
    case DataType::kF64: return "f64";
    case DataType::kString: return "string";
    case DataType::kBytes: return "bytes";
    case DataType::kTimestamp: return "timestamp";
    case DataType::kDuration: return "duration";
  }
  return "unknown";
}

std::string ToString(const Schema& schema) {
  std::string text = "(";
  for (const Field& field : schema) {
    text += (text.size() > 1 ? ", " : "") + field.name + ": " + field.type;
  }
  return text + ")";
}

}  // namespace v0
}  // namespace raceway
