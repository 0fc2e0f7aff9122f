#pragma once

#include <ATen/core/TensorBody.h>
#include <raceway/export.h>
#include <raceway/result.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace raceway {
inline namespace v0 {

/// A tensor of strings: the elements with the last dimension fastest.
struct TextTensor {
  std::vector<int64_t> shape;  // its product is the number of elements; empty: one element
  std::vector<std::string> elements;
};

/// What a column is made of.
enum class Layout {
  kDense,   // one tensor, rows in dimension 0: f32[rows, 3, 224, 224]; of scalars: i64[rows]
  kRagged,  // one tensor a row, of shapes that may differ
  kText,    // a string, bytes or tensor of strings a row
};

/// Named columns with the same number of rows. A handle: copies share the data.
///
/// Tensors are taken and given without a copy: they share memory with what the caller has, and an
/// engine reads it until the request is over, so do not write into it before. Text is copied in.
/// Tensors of results may be shared with other results (a cached row of a store): read only.
///
/// Threads  one table is changed by one thread; shared tables may be read by any
class RACEWAY_API Table {
 public:
  /// No columns, no rows.
  Table();
  Table(const Table&) = default;  // moving copies: no table is ever without a state
  Table& operator=(const Table&) = default;

  /// Adds a column, or replaces the one of that name. Whether it fits the others and the flow is
  /// said by whoever runs it. Returns the table, so that calls can be chained.
  Table& Set(std::string name, at::Tensor rows);                       // dense: [rows, …]
  Table& Set(std::string name, std::vector<at::Tensor> rows);          // ragged: rows[i] is row i
  Table& Set(std::string name, const std::vector<std::string>& rows);  // strings (UTF-8), bytes
  Table& Set(std::string name, const std::vector<TextTensor>& rows);   // tensors of strings
  /// Which rows of the column have a value: bool[rows] on the CPU, undefined for all of them. Goes
  /// with columns whose type is optional.
  ///
  /// Errors   InvalidArgument for a column that is not there, or another type or number of rows
  Status SetMask(std::string_view name, at::Tensor has_value);

  int64_t num_rows() const;  // of the first column
  std::vector<std::string> names() const;

  /// Each of the following: InvalidArgument, with the names that there are, for a column that is
  /// not there; also for one of another layout, where the function's comment names one.
  Result<Layout> LayoutOf(std::string_view name) const;
  /// The rows of a dense column, [rows, …]; no copy.
  Result<at::Tensor> Tensor(std::string_view name) const;
  /// One tensor a row, of a dense or ragged column: views, no copy.
  Result<std::vector<at::Tensor>> Tensors(std::string_view name) const;
  /// The rows of a column of strings or bytes; they live as long as the table.
  Result<std::vector<std::string_view>> Texts(std::string_view name) const;
  /// The rows of a column whose rows are tensors of strings; copied.
  Result<std::vector<TextTensor>> TextTensors(std::string_view name) const;
  /// bool[rows], true where the row has a value; undefined where all have one.
  Result<at::Tensor> Mask(std::string_view name) const;

  struct RACEWAY_HIDDEN State;  // the library's own

 private:
  friend struct TableAccess;
  explicit Table(std::shared_ptr<State> state);
  State& Own();

  std::shared_ptr<State> state_;
};

}  // namespace v0
}  // namespace raceway
