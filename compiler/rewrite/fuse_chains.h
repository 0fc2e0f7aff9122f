#pragma once

#include "compiler/plan/logical_plan.h"

namespace raceway::compiler {

/// a → b  ⇒  [a b]   when b is a's only reader, b has no other input, and both run on one device.
///
/// Saves a hop and the request's state on an edge. Stops where rows part or come together: a
/// split may end a fused stage and a union may begin one.
/// Source: Cloudflow (Sreekanti et al., 2020), operator fusion.
LogicalPlan FuseChains(LogicalPlan plan);

}  // namespace raceway::compiler
