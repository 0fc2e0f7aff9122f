#pragma once

#include <optional>

#include "engine/plan/expression.h"
#include "engine/value.h"

namespace raceway::compiler {

/// What a call of constants gives, exactly as operators/columns compute it for a row; nothing where
/// they give an error, and for types and functions that are left to them.
std::optional<engine::Value> ValueOfCall(const engine::Expression& call);

}  // namespace raceway::compiler
