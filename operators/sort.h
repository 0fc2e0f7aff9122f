#pragma once

#include "engine/operator.h"

namespace raceway::operators {

/// All rows in the order of the expressions, each named `ascending` or `descending`: by the first,
/// where that is equal by the second, and so on; where all are equal, as they came. NaN comes last.
///
/// Output   the rows with their row ids; each byte once
/// Errors   InvalidArgument for a key that is no scalar number, string or bool
engine::Result<engine::AnyOperator> MakeSort(const engine::OperatorSpec& spec);

}  // namespace raceway::operators
