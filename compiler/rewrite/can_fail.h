#pragma once

#include "engine/plan/expression.h"

namespace raceway::compiler {

/// Whether computing `expression` may end a request: where a divisor is 0, a value does not fit its
/// new type, a text is no number, shapes differ, or NaN has to be below or above something. What is
/// not known to be safe can fail.
bool CanFail(const engine::Expression& expression);

/// The same for rows without NaN.
bool CanFailWithoutNan(const engine::Expression& expression);

}  // namespace raceway::compiler
