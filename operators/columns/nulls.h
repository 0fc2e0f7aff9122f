#pragma once

#include "operators/column_functions.h"

/// `is null`, `??`, and the way between `T` and `T?`.
namespace raceway::operators {

engine::Result<engine::Column> IsNull(const ColumnCall& call);
engine::Result<engine::Column> Coalesce(const ColumnCall& call);
/// The data as they are; rows without a value are not to be looked at.
engine::Result<engine::Column> ValueOf(const ColumnCall& call);
engine::Result<engine::Column> AsOptional(const ColumnCall& call);

}  // namespace raceway::operators
