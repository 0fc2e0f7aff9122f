#pragma once

#include <ATen/core/TensorBody.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/data/type.h"
#include "engine/result.h"
#include "engine/value.h"

namespace raceway::engine {

/// Strings or bytes of several rows: one buffer and where each row ends. Shared by slices.
class TextColumn {
 public:
  TextColumn() = default;
  static TextColumn Of(std::span<const std::string> rows);
  /// The same text `num_rows` times, kept once.
  static TextColumn Repeat(std::string_view text, int64_t num_rows);

  int64_t num_rows() const { return num_rows_; }
  /// Lives as long as the column or a slice of it.
  std::string_view operator[](int64_t row) const;
  TextColumn Slice(int64_t begin, int64_t end) const;
  /// Whether all rows are one text that is kept once.
  bool is_repeated() const { return is_repeated_; }

 private:
  friend class TextBuilder;
  struct Data {
    std::string buffer;
    std::vector<int64_t> offsets;  // rows + 1 of them
  };
  std::shared_ptr<const Data> data_;
  int64_t first_ = 0;
  int64_t num_rows_ = 0;
  bool is_repeated_ = false;  // every row is row `first_`
};

/// Makes a text column row by row.
class TextBuilder {
 public:
  explicit TextBuilder(int64_t num_rows = 0, size_t num_bytes = 0);
  void Append(std::string_view row);
  /// The row being written: what is appended to it belongs to the row that `EndRow` ends.
  std::string& buffer() { return data_->buffer; }
  void EndRow() { data_->offsets.push_back(static_cast<int64_t>(data_->buffer.size())); }
  TextColumn Build() &&;

 private:
  std::shared_ptr<TextColumn::Data> data_;
};

/// Tensors of several rows whose shapes differ.
using RaggedColumn = std::shared_ptr<const std::vector<at::Tensor>>;

/// The data of one field: a handle, cheap to copy; the data behind it are never changed.
///
/// Dense    one tensor, rows in dimension 0: `f32[rows, 3, 224, 224]`, a scalar is `[rows]`
/// Ragged   one tensor a row
/// Text     strings or bytes
///
/// Rows of an optional type may have no value (be null): `validity` tells them apart. What the data
/// hold in such a row means nothing and is never looked at. Other columns have no mask and pay
/// nothing for it.
class Column {
 public:
  Column() = default;
  Column(at::Tensor dense) : data_(std::move(dense)) {}  // NOLINT: implicit
  Column(TextColumn text) : data_(std::move(text)) {}    // NOLINT: implicit
  explicit Column(std::vector<at::Tensor> ragged)
      : data_(std::make_shared<const std::vector<at::Tensor>>(std::move(ragged))) {}

  bool is_dense() const { return std::holds_alternative<at::Tensor>(data_); }
  bool is_ragged() const { return std::holds_alternative<RaggedColumn>(data_); }
  bool is_text() const { return std::holds_alternative<TextColumn>(data_); }
  const at::Tensor& dense() const { return std::get<at::Tensor>(data_); }
  const std::vector<at::Tensor>& ragged() const { return *std::get<RaggedColumn>(data_); }
  const TextColumn& text() const { return std::get<TextColumn>(data_); }

  int64_t num_rows() const;
  /// bool[rows], true where the row has a value; undefined where all rows have one.
  const at::Tensor& validity() const { return validity_; }
  bool is_null(int64_t row) const {
    return validity_.defined() && !validity_.const_data_ptr<bool>()[row * validity_.stride(0)];
  }
  /// The same data with another mask.
  Column WithValidity(at::Tensor validity) const;

  /// One row of a dense or ragged column; a view.
  at::Tensor Row(int64_t row) const;
  /// Rows [begin, end); a view.
  Column Slice(int64_t begin, int64_t end) const;
  /// The rows at `indices`, in that order; a view where they are a range or one row of tensors.
  Column Take(std::span<const int64_t> indices) const;
  /// The same, and a row without a value for each -1; the rows are of `type`.
  Column TakeOrNull(std::span<const int64_t> indices, const Type& type) const;

  /// `rows[i]` as one column: dense where all shapes agree and `type` is fixed or they happen to.
  /// An undefined tensor is a row without a value.
  static Column FromRows(std::vector<at::Tensor> rows, const Type& type);
  /// No rows of `type`; symbolic dimensions are 0.
  static Column Empty(const Type& type);
  /// `num_rows` rows without a value, without memory for each.
  static Column Nulls(const Type& type, int64_t num_rows);
  /// `num_rows` times the same constant (bool, number, text scalar or null), without memory for
  /// each.
  static Result<Column> Constant(const Value& value, const Type& type, int64_t num_rows);
  /// Row `r` of the result is row `from[r].second` of `inputs[from[r].first]`.
  static Column Gather(std::span<const Column> inputs,
                       std::span<const std::pair<int32_t, int64_t>> from);

  /// Whether these rows can be of `type`: kind, dtype, rank, sizes, alike symbols alike.
  ///
  /// Errors   InvalidArgument, to be read after the column's name: "is f32[1001], declared
  ///          f32[1000]"; `row_id` is the row of this column where only some rows are wrong
  Status CheckType(const Type& type) const;

 private:
  Column SliceData(int64_t begin, int64_t end) const;
  Column TakeData(std::span<const int64_t> indices) const;

  std::variant<at::Tensor, RaggedColumn, TextColumn> data_;
  at::Tensor validity_;
};

at::ScalarType ScalarTypeOf(DataType type);  // of a number, bool, timestamp or duration
DataType DataTypeOf(at::ScalarType type);    // kUnknown where no flow can name it

}  // namespace raceway::engine
