#pragma once

#include "compiler/plan/logical_plan.h"

namespace raceway::compiler {

/// f (t)  ⇒  f (π (t))   where f runs on another device than t lies on, and π keeps what f reads or
/// hands on.
///
/// Saves the copies of columns that only other readers of t want: `dead-columns` keeps what anybody
/// reads, and all columns of a batch travel together. π runs where t lies, and copies nothing;
/// where f is the only reader it is fused with what made t. The flow's result is a reader on the
/// CPU, the end of a branch one on the device of the step that has the branch.
///
/// Stops where all columns are wanted, and where such a π is there already.
LogicalPlan NarrowCopies(LogicalPlan plan);

}  // namespace raceway::compiler
