#pragma once

#include "engine/operator.h"

namespace raceway::operators {

/// A merger of two tables: the pairs of rows that belong together, in the order of the left rows,
/// for each of them in the order of the right ones. By the columns `left` and `right` of
/// `arguments`, or without these by the row of the request that they stem from.
///
/// Options  `how`: "left" also keeps left rows without a partner, "full" those of both, the right
/// ones
///          last; what the other table would have given is null
/// Output   columns of the left table, of the right one, and `results`: column of the right table
///          under a new name; in a full join also `sources`: a column of both, the left one first,
///          or of one ("" for the other); row ids of the left rows, else of the right ones
/// Errors   InvalidArgument for keys of different types, or of none that can be a key
/// Source   Cloudflow (Sreekanti et al., 2020), `join`
engine::Result<engine::AnyOperator> MakeJoin(const engine::OperatorSpec& spec);

}  // namespace raceway::operators
