#pragma once

#include "operators/column_functions.h"

/// `== != < <= > >=`, `and or not`, `if`. Of scalars. NaN equals nothing, not even itself, and has
/// no place in an order: for `< <= > >=` it is an error of its row.
namespace raceway::operators {

engine::Result<engine::Column> Eq(const ColumnCall& call);
engine::Result<engine::Column> Ne(const ColumnCall& call);
engine::Result<engine::Column> Lt(const ColumnCall& call);
engine::Result<engine::Column> Le(const ColumnCall& call);
engine::Result<engine::Column> Gt(const ColumnCall& call);
engine::Result<engine::Column> Ge(const ColumnCall& call);
engine::Result<engine::Column> And(const ColumnCall& call);
engine::Result<engine::Column> Or(const ColumnCall& call);
engine::Result<engine::Column> Not(const ColumnCall& call);
engine::Result<engine::Column> If(const ColumnCall& call);

}  // namespace raceway::operators
