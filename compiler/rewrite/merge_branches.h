#pragma once

#include "compiler/plan/logical_plan.h"

namespace raceway::compiler {

/// (a, b) = split c (t);  δ f (a) ∪ δ g (b)  ⇒  δ (if c then f else g) (t)
///
/// Where both halves of a split only compute a few scalars before they come together again, there
/// is nothing to run side by side: one expression chooses for each row. Saves the split, both
/// branches and the union: four stages, and a copy of every column on the way out and back; what
/// is left fuses with its neighbours. Other inputs of the union stay.
///
/// A NaN that c compares is an error of the same rows and names the split. Where nothing of the
/// result depends on c, that error is not seen.
///
/// Stops at branches with anything but `derive`, `select`, `omit`; at tensors and optional columns;
/// at expressions of more than 40 parts; at steps with the hint `fuse: false`; where the rows of t
/// are not those of the request, each at most once and in order (behind `sort`, `explode`, `join`,
/// `agg`), since a union orders them.
LogicalPlan MergeBranches(LogicalPlan plan);

}  // namespace raceway::compiler
