#pragma once

#include "compiler/plan/logical_plan.h"
#include "dsl/diagnostic.h"

namespace raceway::compiler {

/// Whether the engine can run all steps: call the models. What it cannot is said at the step. Tests
/// give answers of their own, so that their plans need not be asked.
bool IsRunnable(const LogicalPlan& plan, dsl::Diagnostics& diagnostics);

}  // namespace raceway::compiler
