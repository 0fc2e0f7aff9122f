#pragma once

#include "compiler/plan/logical_plan.h"

namespace raceway::compiler {

/// Runs `pass` on each branch of each step as if it were a plan of its own: its input is what comes
/// into the step, its output what leaves the branch. A pass that calls this with itself reaches
/// branches in branches.
LogicalPlan InBranches(LogicalPlan plan, LogicalPlan (*pass)(LogicalPlan plan));

}  // namespace raceway::compiler
