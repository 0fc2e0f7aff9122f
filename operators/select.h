#pragma once

#include "engine/operator.h"

namespace raceway::operators {

/// Gives each column of the output anew: plain columns are renamed without a copy, the rest is
/// computed from the input row alone.
///
/// Input    any schema with the columns that `step.expressions` read
/// Output   the same rows with the columns of `step.expressions`
/// Errors   as of `derive`
engine::Result<engine::AnyOperator> MakeSelect(const engine::OperatorSpec& spec);

}  // namespace raceway::operators
