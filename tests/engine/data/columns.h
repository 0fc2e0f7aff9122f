#pragma once

#include <ATen/core/TensorBody.h>
#include <ATen/ops/tensor.h>

#include <cmath>
#include <cstdio>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/data/batch.h"
#include "engine/data/column.h"

/// Columns and batches to test with, and what they look like.
namespace raceway::engine::testing {

inline Type T(std::string_view text) { return *TypeFromString(text); }

inline Column Floats(const std::vector<float>& rows) { return at::tensor(rows, at::kFloat); }
inline Column Ints(const std::vector<int64_t>& rows) { return at::tensor(rows, at::kLong); }
inline Column Bools(const std::vector<bool>& rows) {
  const std::vector<int64_t> numbers(rows.begin(), rows.end());
  return at::tensor(numbers, at::kLong).to(at::kBool);
}
inline Column Texts(const std::vector<std::string>& rows) { return TextColumn::Of(rows); }

/// One row of a tensor column.
inline at::Tensor Row(const std::vector<double>& values, std::vector<int64_t> shape,
                      at::ScalarType dtype = at::kFloat) {
  return at::tensor(values, at::kDouble).to(dtype).view(shape);
}
/// Rows of different lengths.
inline Column Ragged(const std::vector<std::vector<double>>& rows,
                     at::ScalarType dtype = at::kFloat) {
  std::vector<at::Tensor> tensors;
  for (const std::vector<double>& row : rows) {
    tensors.push_back(Row(row, {static_cast<int64_t>(row.size())}, dtype));
  }
  return Column(std::move(tensors));
}
/// Rows of one length.
inline Column Vectors(const std::vector<std::vector<double>>& rows,
                      at::ScalarType dtype = at::kFloat) {
  return Column::FromRows(Ragged(rows, dtype).ragged(), Type{});
}

inline std::string Text(const at::Tensor& tensor) {
  if (tensor.dim() == 0) {
    if (tensor.scalar_type() == at::kBool) return tensor.item<bool>() ? "true" : "false";
    if (tensor.scalar_type() == at::kUInt64)
      return std::to_string(static_cast<uint64_t>(tensor.view(at::kLong).item<int64_t>()));
    if (!tensor.is_floating_point()) return std::to_string(tensor.to(at::kLong).item<int64_t>());
    const auto value = tensor.to(at::kDouble).item<double>();
    if (std::isnan(value)) return "nan";  // whatever its sign
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "%.6g", value);
    return buffer;
  }
  std::string text = "[";
  for (int64_t i = 0; i < tensor.size(0); ++i) {
    text += (i == 0 ? "" : ", ") + Text(tensor.select(0, i));
  }
  return text + "]";
}

inline std::string TextOfRow(const Column& column, int64_t row) {
  if (column.is_null(row)) return "null";
  return column.is_text() ? "'" + std::string(column.text()[row]) + "'" : Text(column.Row(row));
}

/// "1 2 3"
inline std::string Text(const Column& column) {
  std::string text;
  for (int64_t row = 0; row < column.num_rows(); ++row) {
    text += (row == 0 ? "" : " ") + TextOfRow(column, row);
  }
  return text;
}
inline std::string Text(const Result<Column>& column) {
  return column.ok() ? Text(*column)
                     : std::string(NameOf(column.error().code)) + ": " + column.error().Text();
}

/// "#0 id=1 x=0.5\n#1 …", where #0 is the row id.
inline std::string Text(const Batch& batch) {
  std::string text;
  for (int64_t row = 0; row < batch.num_rows(); ++row) {
    text += "#" + std::to_string(batch.RowId(row));
    for (size_t i = 0; i < batch.columns().size(); ++i) {
      text += " " + (*batch.schema())[i].name + "=" + TextOfRow(batch.column(i), row);
    }
    text += "\n";
  }
  return text;
}
inline std::string Text(const Result<Batch>& batch) {
  return batch.ok() ? Text(*batch)
                    : std::string(NameOf(batch.error().code)) + ": " + batch.error().Text();
}
inline std::string Text(const Status& status) {
  return status.ok() ? "fine"
                     : std::string(NameOf(status.error().code)) + ": " + status.error().Text();
}

/// `S({{"id", "i64"}, {"image", "u8[H, W, 3]"}})`
inline SchemaPtr S(const std::vector<std::pair<std::string, std::string>>& fields) {
  std::vector<Field> typed;
  for (const auto& [name, type] : fields) typed.push_back({name, T(type)});
  return std::make_shared<const Schema>(std::move(typed));
}

inline Batch MakeBatch(SchemaPtr schema, std::vector<Column> columns) {
  Result<Batch> batch = Batch::Make(std::move(schema), std::move(columns));
  if (!batch) std::fprintf(stderr, "%s\n", batch.error().message.c_str());
  return std::move(batch).value();
}

inline const void* DataOf(const Column& column) {
  return column.is_text() ? static_cast<const void*>(column.text()[0].data())
                          : column.Row(0).const_data_ptr();
}

}  // namespace raceway::engine::testing
