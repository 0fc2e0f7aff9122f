#pragma once

#include "compiler/plan/logical_plan.h"

namespace raceway::compiler {

/// f(1, 2)  ⇒  3     true and x  ⇒  x     if true then a else b  ⇒  a     σ true (t)  ⇒  t
///
/// Saves what would give the same in every row: parameters are constants by now. Answers bit by bit
/// what the operators answer, so it stops at what they refuse (a division by 0, a cast that does
/// not fit), at `exp`, `log` and the remainder of floats, whose last bit is the library's, at f16,
/// bf16 and u64, and at infinite results. A part that can fail stays, even if its value does not
/// matter.
LogicalPlan ConstantFolding(LogicalPlan plan);

/// The same for one expression.
engine::Expression Fold(engine::Expression expression);

}  // namespace raceway::compiler
