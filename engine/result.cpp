#include "engine/result.h"

namespace raceway::engine {

std::string_view NameOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument: return "invalid argument";
    case ErrorCode::kFailed: return "failed";
    case ErrorCode::kCancelled: return "cancelled";
    case ErrorCode::kDeadlineExceeded: return "deadline exceeded";
    case ErrorCode::kTimeout: return "timeout";
    case ErrorCode::kDeadlineUnreachable: return "deadline unreachable";
    case ErrorCode::kOverloaded: return "overloaded";
    case ErrorCode::kUnavailable: return "unavailable";
    case ErrorCode::kUnsupported: return "unsupported";
    case ErrorCode::kInternal: return "internal";
  }
  return "unknown";
}

std::string Error::Text() const {
  std::string text;
  if (!stage.empty()) text += stage + ": ";
  if (row_id >= 0) text += "row " + std::to_string(row_id + 1) + ": ";
  return text + message;
}

}  // namespace raceway::engine
