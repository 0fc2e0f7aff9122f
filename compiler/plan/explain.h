#pragma once

#include <string>

#include "compiler/plan/logical_plan.h"

namespace raceway::compiler {

/// The plan as text for people, deterministic: `raceway explain --emit=logical|optimized`.
std::string Explain(const LogicalPlan& plan);

}  // namespace raceway::compiler
