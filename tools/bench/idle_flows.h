#pragma once

#include "engine/engine.h"

/// Flows of operators that do nothing: what is left is what the engine costs.
namespace raceway::bench {

/// `pass` hands on its batch; `first` merges several by taking the first; `loop` calls as many
/// `pass` one after another as its option `calls` says.
engine::OperatorFactories IdleFactories();

/// One row with a tensor of `num_bytes`.
engine::Batch IdleBatch(int64_t num_bytes);

/// As many stages one after another, not fused.
engine::PhysicalPlan Chain(int num_stages);
/// One stage of as many steps.
engine::PhysicalPlan Fused(int num_steps);
/// One stage of one operator that calls as many others.
engine::PhysicalPlan Looped(int num_calls);
/// A stage, as many branches of a stage each, and a stage that merges them. `tasks`: each branch is
/// worth one.
engine::PhysicalPlan Fan(int num_branches, bool tasks);

}  // namespace raceway::bench
