#pragma once

#include "engine/operator.h"

namespace raceway::operators {

/// A merger: the rows of all inputs in the order of the request.
///
/// Input    for each column of the output one source column an input (`step.sources`)
/// Output   sorted by row id; rows of one input keep their order, and of equal ids the earlier
///          input goes first. If only one input has rows they are handed on without a copy
/// Errors   InvalidArgument for sources that the inputs lack or that differ in type
engine::Result<engine::AnyOperator> MakeUnion(const engine::OperatorSpec& spec);

}  // namespace raceway::operators
