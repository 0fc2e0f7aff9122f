#pragma once

#include <span>

#include "engine/data/batch.h"
#include "engine/data/type.h"
#include "engine/result.h"
#include "engine/value.h"

/// Between the values of a test (`evaluate.h`) and the columns of a flow.
namespace raceway::tools {

/// One value a row, null where there is none. Numbers must fit the type; f16, bf16 and f32 are
/// rounded to.
///
/// Errors   InvalidArgument, to be read after the column's name: "is 300, which is no u8"
engine::Result<engine::Column> ColumnOf(std::span<const engine::Value> cells,
                                        const engine::Type& type);

/// Records with the columns of `schema` → a table.
engine::Result<engine::Batch> TableOf(const engine::Value& records, engine::SchemaPtr schema);

/// Floats of 32 bits and less become the number that is written the same: 0.1, not 0.10000000149.
engine::Value CellOf(const engine::Column& column, const engine::Type& type, int64_t row);

/// What a value of a parameter is in a test.
engine::Value ValueOfParam(const engine::Value& value, engine::DataType type);

/// A table as a list of records.
engine::Value RecordsOf(const engine::Batch& table);

}  // namespace raceway::tools
