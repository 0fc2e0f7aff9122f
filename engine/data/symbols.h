#pragma once

#include <span>

#include "engine/data/column.h"
#include "engine/data/schema.h"
#include "engine/result.h"

namespace raceway::engine {

/// Whether the fields' types hold in each row, across columns, which are of those types each by
/// itself: alike symbols stand for alike sizes, and what is computed (`N*2`) is what its symbols
/// make of it. A formula with one symbol that stands nowhere alone is solved; one with more is
/// compared with alike formulas only. `_` and what is missing is not looked at.
///
/// Errors   InvalidArgument with columns and sizes; of a row, where rows differ in shape
Status CheckSymbols(std::span<const Field> fields, std::span<const Column> columns);

}  // namespace raceway::engine
