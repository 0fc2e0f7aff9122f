#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/data/batch.h"
#include "engine/data/schema.h"
#include "engine/result.h"

namespace raceway::tools {

/// JSON lines → a table of `schema`. Paths in it are relative to `base_dir`; `name` is what
/// messages call the text ("rows.jsonl").
///
/// Errors   InvalidArgument with line and column name
engine::Result<engine::Batch> RowsFromJson(const std::string& text, const std::string& name,
                                           const std::filesystem::path& base_dir,
                                           const engine::SchemaPtr& schema);

/// `column=pattern` (one or more of the same column) → one row for each file that matches, in the
/// order of their names within each pattern. A column `id: i64` counts from 1; there may be no
/// third column. Also gives the files, in the order of the rows.
///
/// Errors   InvalidArgument for a mistake in the call, Unavailable for a file that cannot be read
engine::Result<engine::Batch> RowsFromFiles(const std::vector<std::string>& each,
                                            const engine::SchemaPtr& schema,
                                            std::vector<std::string>& files);

}  // namespace raceway::tools
