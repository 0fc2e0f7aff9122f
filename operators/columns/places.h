#pragma once

#include "operators/column_functions.h"

/// Elements by their places, which count from 0. A place that a row lacks is an error of that row.
namespace raceway::operators {

engine::Result<engine::Column> Index(const ColumnCall& call);
engine::Result<engine::Column> Shape(const ColumnCall& call);
engine::Result<engine::Column> Topk(const ColumnCall& call);
engine::Result<engine::Column> Take(const ColumnCall& call);
engine::Result<engine::Column> Slice(const ColumnCall& call);
engine::Result<engine::Column> In(const ColumnCall& call);

}  // namespace raceway::operators
