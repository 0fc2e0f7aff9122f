#pragma once

#include <cstring>
#include <string>

#include "engine/result.h"

namespace raceway::engine::load {

/// The kernel does not do `what`, by `error` (errno): there is another way to load.
inline Error Refused(const std::string& what, int error) {
  return Error{ErrorCode::kUnsupported, what + ": " + std::strerror(error)};
}

}  // namespace raceway::engine::load
