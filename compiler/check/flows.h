#pragma once

#include <optional>
#include <string>

#include "compiler/check/declarations.h"
#include "compiler/plan/logical_plan.h"

namespace raceway::compiler {

/// Checks the body of every flow against its own signature: symbols of the signature are rigid,
/// what passes as `...` is opaque. Sets `is_broken` of the flows that have mistakes.
void CheckFlows(Declarations& declarations, const engine::Catalog& catalog,
                dsl::Diagnostics& diagnostics);

/// The plan of a flow that checks, with the flows it applies inlined. Null if it cannot be run by
/// itself (reported) or is broken.
std::optional<LogicalPlan> PlanFlow(const std::string& flow, Declarations& declarations,
                                    const engine::Catalog& catalog, dsl::Diagnostics& diagnostics);

}  // namespace raceway::compiler
