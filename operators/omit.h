#pragma once

#include "engine/operator.h"

namespace raceway::operators {

/// Carries the columns that the output names and drops the others. Copies nothing.
///
/// Output   the same rows
/// Errors   InvalidArgument for an output column that the input lacks
engine::Result<engine::AnyOperator> MakeOmit(const engine::OperatorSpec& spec);

}  // namespace raceway::operators
