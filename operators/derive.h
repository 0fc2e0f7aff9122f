#pragma once

#include "engine/operator.h"

namespace raceway::operators {

/// Adds columns that are computed from the input row and from earlier ones of the same step.
///
/// Input    any schema with the columns that `step.expressions` read
/// Output   the same rows; every column is carried or one of `step.expressions`
/// Errors   InvalidArgument for an expression that does not fit the input; at run time Failed,
///          with its row, where a value cannot be computed
engine::Result<engine::AnyOperator> MakeDerive(const engine::OperatorSpec& spec);

}  // namespace raceway::operators
