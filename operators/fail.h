#pragma once

#include "engine/operator.h"

namespace raceway::operators {

/// An error if there is a row: its text is the expression `message`, of the first one.
///
/// Output   no rows
/// Errors   Failed, with the row; InvalidArgument if `message` is missing or not a string
engine::Result<engine::AnyOperator> MakeFail(const engine::OperatorSpec& spec);

}  // namespace raceway::operators
