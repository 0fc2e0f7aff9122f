#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "engine/data/batch.h"
#include "engine/data/schema.h"
#include "engine/result.h"

namespace raceway::engine {

/// JSON lines → a table of `schema`. Paths in it are relative to `base_dir`; `name` is what
/// messages call the text ("rows.jsonl"), `reader` who wants the columns.
///
/// Errors   InvalidArgument with line and column name
Result<Batch> RowsFromJson(const std::string& text, const std::string& name,
                           const std::filesystem::path& base_dir, const SchemaPtr& schema,
                           std::string_view reader = "the flow");

}  // namespace raceway::engine
