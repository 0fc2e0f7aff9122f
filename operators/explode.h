#pragma once

#include "engine/operator.h"

namespace raceway::operators {

/// One row for each element of the first dimension of the columns in `arguments`; the others are
/// repeated. Rows of no elements vanish.
///
/// Output   `results`, an element each; row ids of the rows they come from
/// Errors   Failed where the columns of a row differ in length, with the row; InvalidArgument for
///          columns without a dimension
engine::Result<engine::AnyOperator> MakeExplode(const engine::OperatorSpec& spec);

}  // namespace raceway::operators
