#pragma once

#include "operators/column_functions.h"

/// What checks of dimensions are made of; no flow can call them.
namespace raceway::operators {

/// size_of(T[…], i64) -> i64: how long that dimension of each row is.
///
/// Errors   InvalidArgument where a row has no such dimension
engine::Result<engine::Column> SizeOf(const ColumnCall& call);

/// same_size(i64, i64, why, name, column, …) -> bool: true in every row.
///
/// Errors   InvalidArgument of the first row where the two differ: `why`, and what its columns are
engine::Result<engine::Column> SameSize(const ColumnCall& call);

}  // namespace raceway::operators
