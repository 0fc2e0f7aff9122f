#pragma once

#include "operators/column_functions.h"

/// Functions of the last dimension.
namespace raceway::operators {

engine::Result<engine::Column> Softmax(const ColumnCall& call);
engine::Result<engine::Column> Argmax(const ColumnCall& call);
engine::Result<engine::Column> Max(const ColumnCall& call);
engine::Result<engine::Column> Min(const ColumnCall& call);
engine::Result<engine::Column> Sum(const ColumnCall& call);
engine::Result<engine::Column> Mean(const ColumnCall& call);

}  // namespace raceway::operators
