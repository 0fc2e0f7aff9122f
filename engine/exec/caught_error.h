#pragma once

#include "engine/result.h"

namespace raceway::engine {

/// In a `catch (...)`: the error for what was thrown, by an operator or by us.
Error CaughtError() noexcept;

}  // namespace raceway::engine
