#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/data/batch.h"
#include "engine/data/schema.h"
#include "engine/result.h"
#include "engine/value.h"

namespace raceway::engine {

/// JSON lines → a table of `schema`. Paths in it are relative to `base_dir`; `name` is what
/// messages call the text ("rows.jsonl"), `reader` who wants the columns. A row that lacks a column
/// has the value that `defaults` gives it: a bool, number, text, time or null. `first_line` is the
/// number of the first line, of a text that is a part of another.
///
/// Errors   InvalidArgument with line and column name
Result<Batch> RowsFromJson(const std::string& text, const std::string& name,
                           const std::filesystem::path& base_dir, const SchemaPtr& schema,
                           std::string_view reader = "the flow",
                           const std::vector<std::pair<std::string, Value>>& defaults = {},
                           int64_t first_line = 1);

}  // namespace raceway::engine
