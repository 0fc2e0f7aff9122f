#pragma once

#include "compiler/plan/logical_plan.h"
#include "dsl/diagnostic.h"

namespace raceway::compiler {

/// a → b  ⇒  [a b]   when b is a's only reader, b has no other input, and both run on one device.
///
/// Saves a hop and the request's state on an edge. Stops where rows part or come together: a
/// split may end a fused stage and a union may begin one. (Branches of a union that are cheap
/// enough are one expression before: `merge-branches`.) Stops at steps with the hint `fuse: false`.
/// Source: Cloudflow (Sreekanti et al., 2020), operator fusion.
LogicalPlan FuseChains(LogicalPlan plan);

/// Whether the hint `fuse: false` holds for `step`.
bool IsKeptApart(const Step& step);

/// Notes where `fuse: true` was said of a step that stays alone in its stage of `plan`, which has
/// been fused.
void NoteNotFused(const LogicalPlan& plan, dsl::Diagnostics& diagnostics);

}  // namespace raceway::compiler
