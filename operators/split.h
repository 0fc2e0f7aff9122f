#pragma once

#include "engine/operator.h"

namespace raceway::operators {

/// A splitter: a row goes where the first of the expressions, each named `where`, is true, and to
/// the last output if none is. Every condition is computed once, for all rows.
///
/// Output   a batch for each condition and one for the rest, rows in order with their row ids; what
///          gets all rows copies nothing
/// Errors   as of `filter`
engine::Result<engine::AnyOperator> MakeSplit(const engine::OperatorSpec& spec);

}  // namespace raceway::operators
