#pragma once

#include "engine/operator.h"

namespace raceway::operators {

/// Calls a native function (`functions/`).
///
/// Options  `function`, `settings`
/// Input    the columns that `step.arguments` names, in the order of the contract
/// Output   the same rows, with the columns that `step.results` defines
/// Errors   InvalidArgument for a function, setting or type that does not fit the contract,
///          Unavailable for a missing file; at run time those of the function, and Failed for a
///          result that is not what the plan declares
engine::Result<engine::AnyOperator> MakeNative(const engine::OperatorSpec& spec);

}  // namespace raceway::operators
