#pragma once

#include <string>

#include "engine/plan/expression.h"

namespace raceway::compiler {

/// The expression as one would write it in a flow, with no more brackets than it needs: what
/// `ToString` prints as `and(ge(conf, 0.5), not(seen))` is `conf >= 0.5 and not seen`.
/// Sizes are written as `x.shape[0]`.
std::string Infix(const engine::Expression& expression);

/// Whether it is a condition that the compiler added, to compare sizes that only rows can tell.
bool IsSizeCheck(const engine::Expression& expression);

}  // namespace raceway::compiler
