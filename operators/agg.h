#pragma once

#include "engine/operator.h"

namespace raceway::operators {

/// One row for each group of rows with equal keys, in the order of their first rows.
///
/// Input    `arguments`: "" → key (integer, bool, text), any other name → what that result is
///          aggregated from; `options`: that name → {"function", "count"}
/// Output   the keys, and `results`; the row id is that of the first row of a group
/// Errors   InvalidArgument for a plan that makes no sense
engine::Result<engine::AnyOperator> MakeAgg(const engine::OperatorSpec& spec);

}  // namespace raceway::operators
