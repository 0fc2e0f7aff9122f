#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/data/column.h"
#include "engine/data/schema.h"
#include "engine/result.h"

namespace raceway::engine {

/// For each row the row of the request it stems from, counted from 0. Null: row r is row r.
using RowIds = std::shared_ptr<const std::vector<int64_t>>;

/// Rows of one schema that travel and run together: a handle; the data behind it never change.
/// What the user calls a table is a batch.
class Batch {
 public:
  Batch() = default;  // no batch; only good for being assigned to

  /// The columns have the types of `schema` and `num_rows` rows each (asserted, not checked).
  Batch(SchemaPtr schema, std::vector<Column> columns, int64_t num_rows, RowIds row_ids = nullptr);
  /// No rows.
  static Batch Empty(SchemaPtr schema);
  /// Checks what the constructor asserts: for data from outside.
  static Result<Batch> Make(SchemaPtr schema, std::vector<Column> columns);

  explicit operator bool() const { return data_ != nullptr; }
  const SchemaPtr& schema() const { return data_->schema; }
  int64_t num_rows() const { return data_->num_rows; }
  const std::vector<Column>& columns() const { return data_->columns; }
  const Column& column(size_t index) const { return data_->columns[index]; }
  const RowIds& row_ids() const { return data_->row_ids; }
  int64_t RowId(int64_t row) const {
    return data_->row_ids ? (*data_->row_ids)[static_cast<size_t>(row)] : row;
  }

 private:
  struct Data {
    SchemaPtr schema;
    std::vector<Column> columns;
    int64_t num_rows = 0;
    RowIds row_ids;
  };
  std::shared_ptr<const Data> data_;
};

/// Which columns of an operator's input go where in its output. Made once with the operator, so
/// that a run looks up no name.
class Layout {
 public:
  /// `defined` are the columns the operator computes. Every column of `output` must be one of them
  /// or (under the same name) of `input`.
  static Result<Layout> Make(const Schema& input, SchemaPtr output,
                             std::span<const std::string> defined);

  /// Whether anybody reads the operator's `i`-th defined column.
  bool is_wanted(size_t i) const { return defined_[i] >= 0; }
  const SchemaPtr& output() const { return output_; }

  /// The same rows with other columns. Unwanted `defined` are ignored and may be empty columns.
  Batch SameRows(const Batch& input, std::vector<Column> defined) const;
  /// The rows of `input` at `rows` (strictly increasing). Only columns that go on are gathered.
  Batch SomeRows(const Batch& input, std::span<const int64_t> rows) const;
  /// Row r of the output is row `rows[r]` of `input`, in any order, some of them more than once;
  /// `defined` have as many rows.
  Batch AnyRows(const Batch& input, std::span<const int64_t> rows,
                std::vector<Column> defined) const;

 private:
  struct Carry {
    int32_t from = 0;  // column of the input
    int32_t to = 0;    // column of the output
  };
  SchemaPtr output_;
  std::vector<Carry> carried_;
  std::vector<int32_t> defined_;  // where the i-th defined column goes, -1 nowhere
  bool is_identity_ = false;      // the output is the input
};

}  // namespace raceway::engine
