#pragma once

#include "operators/column_functions.h"

/// Functions of strings, which are UTF-8.
namespace raceway::operators {

engine::Result<engine::Column> Len(const ColumnCall& call);
engine::Result<engine::Column> Lower(const ColumnCall& call);
engine::Result<engine::Column> Upper(const ColumnCall& call);
engine::Result<engine::Column> ConcatTexts(const ColumnCall& call);

}  // namespace raceway::operators
