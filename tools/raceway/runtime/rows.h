#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/data/batch.h"
#include "engine/data/schema.h"
#include "engine/plan/physical_plan.h"
#include "engine/result.h"
#include "engine/rows/read_rows.h"

namespace raceway::tools {

using engine::RowsFromJson;

/// `column=pattern` (one or more of the same column) → one row for each file that matches, in the
/// order of their names within each pattern. A column `id: i64` counts from 1; other columns must
/// have a value among `input.defaults`. Also gives the files, in the order of the rows.
///
/// Errors   InvalidArgument for a mistake in the call, Unavailable for a file that cannot be read
engine::Result<engine::Batch> RowsFromFiles(const std::vector<std::string>& each,
                                            const engine::InputSpec& input,
                                            const engine::SchemaPtr& schema,
                                            std::vector<std::string>& files);

}  // namespace raceway::tools
