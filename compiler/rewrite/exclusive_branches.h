#pragma once

#include "compiler/plan/logical_plan.h"

namespace raceway::compiler {

/// σ c (t), σ ¬c (t)  ⇒  (a, b) = split c (t)
///
/// Saves the second evaluation of c and the second pass over the rows, and tells the engine that
/// no row is in both: where one half of a request is empty, nothing of that branch runs.
LogicalPlan ExclusiveBranches(LogicalPlan plan);

}  // namespace raceway::compiler
