#pragma once

#include "engine/operator.h"

namespace raceway::operators {

/// The first rows of a request, as many as the option `count` says.
///
/// Output   a view of them, with their row ids
/// Errors   InvalidArgument if `count` is missing or below 0
engine::Result<engine::AnyOperator> MakeLimit(const engine::OperatorSpec& spec);

}  // namespace raceway::operators
