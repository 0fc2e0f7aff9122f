// `--each column=pattern`: one row a file.
#include <ATen/ops/arange.h>
#include <glob.h>

#include <algorithm>
#include <utility>

#include "tools/raceway/files.h"
#include "tools/raceway/runtime/rows.h"

namespace raceway::tools {
namespace {

using engine::Column;
using engine::DataType;
using engine::Error;
using engine::ErrorCode;
using engine::Field;
using engine::Result;

Error Bad(std::string message) { return {ErrorCode::kInvalidArgument, std::move(message)}; }

/// Files that match, sorted by name; folders are left out.
std::vector<std::string> Match(const std::string& pattern) {
  ::glob_t found{};
  std::vector<std::string> files;
  if (::glob(pattern.c_str(), GLOB_MARK | GLOB_BRACE | GLOB_TILDE, nullptr, &found) == 0) {
    for (size_t i = 0; i < found.gl_pathc; ++i) {
      const std::string path = found.gl_pathv[i];
      if (!path.ends_with('/')) files.push_back(path);
    }
  }
  ::globfree(&found);
  std::sort(files.begin(), files.end());
  return files;
}

bool IsNumbered(const Field& field) {
  return field.name == "id" && field.type == engine::Type{DataType::kI64};
}

/// Null if there is none.
const engine::Value* DefaultOf(const Field& field, const engine::InputSpec& input) {
  for (const auto& [column, value] : input.defaults) {
    if (column == field.name) return &value;
  }
  return nullptr;
}

}  // namespace

Result<engine::Batch> RowsFromFiles(const std::vector<std::string>& each,
                                    const engine::InputSpec& input, const engine::SchemaPtr& schema,
                                    std::vector<std::string>& files) {
  std::string column;
  for (const std::string& one : each) {
    const size_t equals = one.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Bad("--each wants COLUMN=PATTERN, this is `" + one + "`");
    }
    const std::string name = one.substr(0, equals);
    if (!column.empty() && name != column) return Bad("--each fills one column, not several");
    column = name;
    const std::vector<std::string> matched = Match(one.substr(equals + 1));
    if (matched.empty()) return Bad("no file matches `" + one.substr(equals + 1) + "`");
    files.insert(files.end(), matched.begin(), matched.end());
  }
  const Field* field = schema->Find(column);
  if (field == nullptr || field->type != engine::Type{DataType::kBytes}) {
    return Bad("--each fills a column of bytes; `" + column + "` is " +
               (field == nullptr ? "no column" : ToString(field->type)) + ", the flow takes " +
               ToString(*schema));
  }
  std::vector<std::string> contents;
  for (const std::string& file : files) {
    Result<std::string> bytes = ReadFile(file);
    if (!bytes.ok()) return std::move(bytes).error();
    contents.push_back(*std::move(bytes));
  }
  std::vector<Column> columns;
  for (const Field& wanted : schema->fields()) {
    if (wanted.name == column) {
      columns.emplace_back(engine::TextColumn::Of(contents));
    } else if (IsNumbered(wanted)) {
      columns.emplace_back(at::arange(1, static_cast<int64_t>(files.size()) + 1, at::kLong));
    } else if (const engine::Value* value = DefaultOf(wanted, input)) {
      Result<Column> column =
          Column::Constant(*value, wanted.type, static_cast<int64_t>(files.size()));
      if (!column.ok()) return std::move(column).error();
      columns.push_back(*std::move(column));
    } else {
      return Bad("the flow also takes `" + wanted.name + ": " + ToString(wanted.type) +
                 "`, which --each cannot give; use --rows");
    }
  }
  return engine::Batch::Make(schema, std::move(columns));
}

}  // namespace raceway::tools
