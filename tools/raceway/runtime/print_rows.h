#pragma once

#include <string>
#include <vector>

#include "engine/data/batch.h"

namespace raceway::tools {

/// A line for each row: an object with the columns in the order of the schema. Tensors are nested
/// lists, bytes `{"base64": "…"}`; what JSON cannot say (NaN, infinity) is null.
/// `name`, if there is one, is around each: `{"name": {…}}`.
std::string RowsAsJson(const engine::Batch& rows, const std::string& name);

/// A table for people: the batches, of one schema, below one another. Long values are cut short.
std::string RowsAsTable(const std::vector<engine::Batch>& rows, bool color);

}  // namespace raceway::tools
