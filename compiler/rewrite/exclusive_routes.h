#pragma once

#include "compiler/plan/logical_plan.h"

namespace raceway::compiler {

/// (a, r) = split c (t), (b, s) = split d (r)  ⇒  (a, b, s) = split c, d (t)
///
/// What `route` becomes: one pass over the rows instead of one a branch. Saves a stage for each
/// branch and the copies of the rows that are left: those of the last branch of n were copied n - 1
/// times. A branch that no row takes does not run, as before.
///
/// No row that c took can fail d: a `split` with several conditions sees to that.
///
/// Stops where others read r too and where the device changes.
LogicalPlan ExclusiveRoutes(LogicalPlan plan);

}  // namespace raceway::compiler
