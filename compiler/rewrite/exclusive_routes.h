#pragma once

#include "compiler/plan/logical_plan.h"

namespace raceway::compiler {

/// (a, r) = split c (t), (b, s) = split d (r)  ⇒  (a, b, s) = split c, d (t)
///
/// What `route` becomes: one pass over the rows instead of one a branch. Saves a stage for each
/// branch and the copies of the rows that are left: those of the last branch of n were copied n - 1
/// times. A branch that no row takes does not run, as before.
///
/// Stops where others read r too, where the device changes, and at a d that can fail (`CanFail`):
/// it is now computed for all rows of t, also for those that c was there to keep from it.
LogicalPlan ExclusiveRoutes(LogicalPlan plan);

}  // namespace raceway::compiler
