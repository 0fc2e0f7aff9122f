#pragma once

#include "engine/operator.h"

namespace raceway::operators {

/// Adds what a store has for each row's key.
///
/// Options  those of the store (store_options.h);
///          `miss`: what becomes of a row whose key the store does not have: "fail" (an error),
///          "drop" (the row goes) or "null" (the columns have no value there)
/// Input    `step.arguments` names the column of keys
/// Output   the same rows, or some of them, with the columns that `step.results` defines
/// Errors   those of opening the store; Failed for a key without a row, with `miss` "fail"
engine::Result<engine::AnyOperator> MakeLookup(const engine::OperatorSpec& spec);

}  // namespace raceway::operators
