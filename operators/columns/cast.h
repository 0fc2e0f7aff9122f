#pragma once

#include "operators/column_functions.h"

/// `f32(x)` and its like; the type of the call says to what.
namespace raceway::operators {

engine::Result<engine::Column> Cast(const ColumnCall& call);

}  // namespace raceway::operators
