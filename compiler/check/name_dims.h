#pragma once

#include "compiler/check/dims.h"
#include "compiler/plan/logical_plan.h"

namespace raceway::compiler {

/// Gives the dimensions in a plan, of columns and expressions, names that a file can have.
/// Different ones have different names; those of the input keep theirs.
void NameDims(LogicalPlan& plan, const Dims& dims);

}  // namespace raceway::compiler
