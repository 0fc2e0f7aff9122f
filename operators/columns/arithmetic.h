#pragma once

#include "operators/column_functions.h"

/// `+ - * / mod`, the sign, and functions of single numbers. Integers wrap around.
namespace raceway::operators {

engine::Result<engine::Column> Add(const ColumnCall& call);
engine::Result<engine::Column> Sub(const ColumnCall& call);
engine::Result<engine::Column> Mul(const ColumnCall& call);
engine::Result<engine::Column> Div(const ColumnCall& call);
engine::Result<engine::Column> Mod(const ColumnCall& call);
engine::Result<engine::Column> Neg(const ColumnCall& call);
engine::Result<engine::Column> Abs(const ColumnCall& call);
engine::Result<engine::Column> Round(const ColumnCall& call);
engine::Result<engine::Column> Floor(const ColumnCall& call);
engine::Result<engine::Column> Ceil(const ColumnCall& call);
engine::Result<engine::Column> Exp(const ColumnCall& call);
engine::Result<engine::Column> Log(const ColumnCall& call);
engine::Result<engine::Column> Sqrt(const ColumnCall& call);

}  // namespace raceway::operators
