#pragma once

#include "operators/column_functions.h"

/// New tensors: of nothing, of numbers, of each other.
namespace raceway::operators {

engine::Result<engine::Column> Zeros(const ColumnCall& call);
engine::Result<engine::Column> OneHot(const ColumnCall& call);
engine::Result<engine::Column> List(const ColumnCall& call);
engine::Result<engine::Column> Concat(const ColumnCall& call);

}  // namespace raceway::operators
