#pragma once

#include "engine/operator.h"

namespace raceway::operators {

/// Keeps the rows where the expression `where` is true.
///
/// Output   those rows, in order, with their row ids; a view where they are a range, the batch
///          itself where all are kept
/// Errors   InvalidArgument if `where` is missing or not a bool
/// Source   Cloudflow (Sreekanti et al., 2020), `filter`
engine::Result<engine::AnyOperator> MakeFilter(const engine::OperatorSpec& spec);

}  // namespace raceway::operators
