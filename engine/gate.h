#pragma once

#include "engine/result.h"

namespace raceway::engine {

struct Stopped {
  ErrorCode code = ErrorCode::kCancelled;
};

}  // namespace raceway::engine
