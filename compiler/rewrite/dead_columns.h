#pragma once

#include "compiler/plan/logical_plan.h"

namespace raceway::compiler {

/// π f(t)  ⇒  f'(t)   where f' hands on and computes only what somebody reads.
///
/// Saves the memory of columns that are carried for nothing, their copies where rows are picked,
/// and whole steps: a function of which no result is read is pure, so it is not called at all.
/// `select` and `omit` have nothing left to do and go. What can fail stays where its failing
/// decides how rows go on: under `on_error: drop`, `rescue` and in `anyof`.
LogicalPlan DeadColumns(LogicalPlan plan);

}  // namespace raceway::compiler
