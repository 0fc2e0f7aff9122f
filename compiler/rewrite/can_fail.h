#pragma once

#include "engine/plan/expression.h"

namespace raceway::compiler {

/// Whether computing `expression` may end a request: where a divisor is 0, a value does not fit its
/// new type, a text is no number, or shapes differ. What is not known to be safe can fail.
bool CanFail(const engine::Expression& expression);

}  // namespace raceway::compiler
