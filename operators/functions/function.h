#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/data/column.h"
#include "engine/operator.h"
#include "engine/result.h"
#include "engine/value.h"
#include "operators/row_errors.h"

namespace raceway::operators {

/// A native function with its settings.
///
/// Immutable and thread-safe. `Run` gets one column for each parameter, of the contract's types,
/// and answers with one for each result; an error's `row_id` is a row of these columns.
class NativeFunction {
 public:
  virtual ~NativeFunction() = default;
  virtual engine::Result<std::vector<engine::Column>> Run(std::span<const engine::Column> args,
                                                          int64_t num_rows,
                                                          engine::RunContext& context) const = 0;
};

/// What a native function is made from.
struct FunctionSpec {
  engine::Value settings;             // a record; names, kinds and choices are the contract's
  std::vector<engine::Type> results;  // as the plan declares them
  std::filesystem::path base_dir;     // what paths in the settings are relative to
};

/// Called once for each step of a deployment that names the function.
using FunctionFactory =
    engine::Result<std::unique_ptr<NativeFunction>> (*)(const FunctionSpec& spec);

struct NativeFunctionEntry {
  std::string_view name;  // of the contract
  FunctionFactory make = nullptr;
};

/// Every native function: the list (`functions.cpp`). A test holds it against the contracts.
std::span<const NativeFunctionEntry> NativeFunctions();

/// One column from `row(r)`, a `Result<at::Tensor>`, for each r. Asks before each row whether the
/// request should stop. Where shapes may differ the rows stay as they are, else they are stacked.
template <typename RowFunction>
engine::Result<engine::Column> MapRows(int64_t num_rows, const engine::Type& type,
                                       engine::RunContext& context, RowFunction row) {
  std::vector<at::Tensor> rows;
  rows.reserve(static_cast<size_t>(num_rows));
  for (int64_t r = 0; r < num_rows; ++r) {
    if (const auto stop = context.cancel.Check()) return StopError(*stop);
    engine::Result<at::Tensor> value = row(r);
    if (!value) {
      value.error().row_id = r;
      return std::move(value).error();
    }
    rows.push_back(std::move(*value));
  }
  if (num_rows > 1 && !type.is_fixed()) return engine::Column(std::move(rows));
  return engine::Column::FromRows(std::move(rows), type);
}

/// As many columns as there are types, from `row(r)`, a `Result` of an array of tensors, for each
/// r.
template <typename RowFunction>
engine::Result<std::vector<engine::Column>> MapRowsToColumns(int64_t num_rows,
                                                             std::span<const engine::Type> types,
                                                             engine::RunContext& context,
                                                             RowFunction row) {
  std::vector<std::vector<at::Tensor>> rows(types.size());
  for (int64_t r = 0; r < num_rows; ++r) {
    if (const auto stop = context.cancel.Check()) return StopError(*stop);
    auto values = row(r);
    if (!values) {
      values.error().row_id = r;
      return std::move(values).error();
    }
    for (size_t c = 0; c < rows.size(); ++c) rows[c].push_back(std::move((*values)[c]));
  }
  std::vector<engine::Column> columns;
  for (size_t c = 0; c < rows.size(); ++c) {
    columns.push_back(num_rows > 1 && !types[c].is_fixed()
                          ? engine::Column(std::move(rows[c]))
                          : engine::Column::FromRows(std::move(rows[c]), types[c]));
  }
  return columns;
}

/// One column of images from another by `images(t)`, a `Result<at::Tensor>` for a tensor of rows of
/// one shape: all at once where the rows are dense, else row by row.
template <typename ImagesFunction>
engine::Result<std::vector<engine::Column>> MapImages(const engine::Column& column,
                                                      int64_t num_rows, const engine::Type& type,
                                                      engine::RunContext& context,
                                                      ImagesFunction images) {
  if (column.is_dense()) {
    engine::Result<at::Tensor> all = images(column.dense());
    if (!all) return std::move(all).error();
    return std::vector<engine::Column>{engine::Column(*std::move(all))};
  }
  const auto image = [&](int64_t row) -> engine::Result<at::Tensor> {
    engine::Result<at::Tensor> one = images(column.Row(row).unsqueeze(0));
    if (!one) return one;
    return one->squeeze(0);
  };
  engine::Result<engine::Column> rows = MapRows(num_rows, type, context, image);
  if (!rows) return std::move(rows).error();
  return std::vector<engine::Column>{*std::move(rows)};
}

}  // namespace raceway::operators
