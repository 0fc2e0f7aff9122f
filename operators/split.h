#pragma once

#include "engine/operator.h"

namespace raceway::operators {

/// A splitter: the rows where the expression `where` is true, and the others. The condition is
/// computed once.
///
/// Output   two batches, rows in order with their row ids; where one side gets all rows nothing is
///          copied
/// Errors   as of `filter`
engine::Result<engine::AnyOperator> MakeSplit(const engine::OperatorSpec& spec);

}  // namespace raceway::operators
