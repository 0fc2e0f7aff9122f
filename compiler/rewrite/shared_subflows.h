#pragma once

#include "compiler/plan/logical_plan.h"

namespace raceway::compiler {

/// f(t), f(t)  ⇒  one f(t), read twice;   f(t) where t has f's results already  ⇒  t
///
/// Saves the second call: models, functions and all other steps are pure. The columns of the second
/// take the names of the first's. Stops where names do not tell that two steps are equal (`x + 1`
/// and `1 + x`), at stages that were fused and at steps with branches; what is in a branch is
/// shared within it, where both fail or neither does.
LogicalPlan SharedSubflows(LogicalPlan plan);

}  // namespace raceway::compiler
