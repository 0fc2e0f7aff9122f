#include "engine/data/column.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/scalar_tensor.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <limits>
#include <utility>

#include "engine/data/plain_tensor.h"
#include "engine/data/text_tensor.h"

namespace raceway::engine {
namespace {

/// Whether `indices` count up by one, so that a view will do.
bool IsRange(std::span<const int64_t> indices) {
  for (size_t i = 1; i < indices.size(); ++i) {
    if (indices[i] != indices[i - 1] + 1) return false;
  }
  return true;
}

bool CanCopyBytes(const at::Tensor& tensor) {
  return tensor.is_cpu() && tensor.is_contiguous() && !tensor.is_conj() && !tensor.is_neg();
}

/// Rows [from, from + count) of `source` to rows [to, to + count) of `target`.
void CopyRows(const at::Tensor& source, int64_t from, at::Tensor& target, int64_t to,
              int64_t count) {
  if (target.numel() == 0) return;
  if (CanCopyBytes(source) && CanCopyBytes(target)) {
    const size_t row_bytes =
        static_cast<size_t>(target.numel() / target.size(0)) * target.element_size();
    std::memcpy(
        static_cast<char*>(target.data_ptr()) + static_cast<size_t>(to) * row_bytes,
        static_cast<const char*>(source.const_data_ptr()) + static_cast<size_t>(from) * row_bytes,
        static_cast<size_t>(count) * row_bytes);
    return;
  }
  target.narrow(0, to, count).copy_(source.narrow(0, from, count));
}

/// Uninitialised: `num_rows` rows like those of `dense`.
at::Tensor RowsLike(const at::Tensor& dense, int64_t num_rows) {
  std::vector<int64_t> sizes = dense.sizes().vec();
  sizes[0] = num_rows;
  return at::empty(sizes, dense.options());
}

/// Row `indices[i]` of `source` to row i of `target`, both of `row_bytes` a row. Neighbours go
/// together; rows of a number's size are moved as such.
void TakeBytes(const char* source, std::span<const int64_t> indices, size_t row_bytes,
               char* target) {
  const auto take_numbers = [&]<typename Number>(Number) {
    const auto* from = reinterpret_cast<const Number*>(source);
    auto* to = reinterpret_cast<Number*>(target);
    for (const int64_t index : indices) *to++ = from[index];
  };
  if (row_bytes == 8) return take_numbers(uint64_t{});
  if (row_bytes == 4) return take_numbers(uint32_t{});
  for (size_t begin = 0; begin < indices.size();) {
    size_t end = begin + 1;
    while (end < indices.size() && indices[end] == indices[end - 1] + 1) ++end;
    const size_t num_bytes = (end - begin) * row_bytes;
    std::memcpy(target, source + static_cast<size_t>(indices[begin]) * row_bytes, num_bytes);
    target += num_bytes;
    begin = end;
  }
}

at::Tensor TakeDense(const at::Tensor& dense, std::span<const int64_t> indices) {
  const auto num_rows = static_cast<int64_t>(indices.size());
  const auto is_first = [&](int64_t index) { return index == indices.front(); };
  if (dense.stride(0) == 0 || std::all_of(indices.begin(), indices.end(), is_first)) {
    std::vector<int64_t> sizes = dense.sizes().vec();
    sizes[0] = num_rows;
    return dense.narrow(0, indices.front(), 1).expand(sizes);
  }
  at::Tensor result = RowsLike(dense, num_rows);
  if (result.numel() == 0) return result;
  if (CanCopyBytes(dense)) {
    const size_t row_bytes = result.nbytes() / indices.size();
    TakeBytes(static_cast<const char*>(dense.const_data_ptr()), indices, row_bytes,
              static_cast<char*>(result.mutable_data_ptr()));
    return result;
  }
  for (size_t i = 0; i < indices.size(); ++i) {
    CopyRows(dense, indices[i], result, static_cast<int64_t>(i), 1);
  }
  return result;
}

TextColumn TakeText(const TextColumn& text, std::span<const int64_t> indices) {
  const auto num_rows = static_cast<int64_t>(indices.size());
  if (text.is_repeated()) return TextColumn::Repeat(text[0], num_rows);
  size_t num_bytes = 0;
  for (const int64_t index : indices) num_bytes += text[index].size();
  TextBuilder builder(num_rows, num_bytes);
  for (const int64_t index : indices) builder.Append(text[index]);
  return std::move(builder).Build();
}

using RowOf = std::pair<int32_t, int64_t>;

/// Undefined where no input has a mask.
at::Tensor GatherValidity(std::span<const Column> inputs, std::span<const RowOf> from) {
  if (std::none_of(inputs.begin(), inputs.end(),
                   [](const Column& input) { return input.validity().defined(); })) {
    return {};
  }
  at::Tensor validity = at::empty({static_cast<int64_t>(from.size())}, at::kBool);
  bool* out = validity.mutable_data_ptr<bool>();
  for (const auto& [input, row] : from) *out++ = !inputs[static_cast<size_t>(input)].is_null(row);
  return validity;
}

Column GatherRows(std::span<const Column> inputs, std::span<const RowOf> from) {
  std::vector<at::Tensor> rows;
  rows.reserve(from.size());
  for (const auto& [input, row] : from) {
    rows.push_back(inputs[static_cast<size_t>(input)].Row(row));
  }
  return Column(std::move(rows));
}

at::Tensor GatherDense(std::span<const Column> inputs, std::span<const RowOf> from) {
  at::Tensor result = RowsLike(inputs[static_cast<size_t>(from[0].first)].dense(),
                               static_cast<int64_t>(from.size()));
  for (size_t begin = 0; begin < from.size();) {
    size_t end = begin + 1;
    while (end < from.size() && from[end].first == from[begin].first &&
           from[end].second == from[end - 1].second + 1) {
      ++end;
    }
    CopyRows(inputs[static_cast<size_t>(from[begin].first)].dense(), from[begin].second, result,
             static_cast<int64_t>(begin), static_cast<int64_t>(end - begin));
    begin = end;
  }
  return result;
}

TextColumn GatherText(std::span<const Column> inputs, std::span<const RowOf> from) {
  size_t num_bytes = 0;
  for (const auto& [input, row] : from) {
    num_bytes += inputs[static_cast<size_t>(input)].text()[row].size();
  }
  TextBuilder builder(static_cast<int64_t>(from.size()), num_bytes);
  for (const auto& [input, row] : from) {
    builder.Append(inputs[static_cast<size_t>(input)].text()[row]);
  }
  return std::move(builder).Build();
}

/// Whether all inputs that `from` names are dense, with rows of one shape and dtype.
bool AreDenseAlike(std::span<const Column> inputs, std::span<const RowOf> from) {
  const at::Tensor* first = nullptr;
  std::vector<bool> seen(inputs.size(), false);
  for (const auto& [input, row] : from) {
    const auto index = static_cast<size_t>(input);
    if (seen[index]) continue;
    seen[index] = true;
    if (!inputs[index].is_dense()) return false;
    const at::Tensor& dense = inputs[index].dense();
    if (first == nullptr) first = &dense;
    if (dense.scalar_type() != first->scalar_type() ||
        dense.sizes().slice(1) != first->sizes().slice(1)) {
      return false;
    }
  }
  return true;
}

Type TypeOfRow(at::ScalarType dtype, at::IntArrayRef sizes) {
  Type type{DataTypeOf(dtype)};
  for (const int64_t size : sizes) type.shape.push_back(Dim::Size(size));
  return type;
}

bool HasShape(at::IntArrayRef sizes, const Type& type) {
  if (sizes.size() != type.shape.size()) return false;
  for (size_t i = 0; i < sizes.size(); ++i) {
    const Dim& dim = type.shape[i];
    if (dim.is_size()) {
      if (sizes[i] != dim.size) return false;
      continue;
    }
    if (dim.symbol == "_") continue;
    for (size_t j = 0; j < i; ++j) {
      if (type.shape[j] == dim && sizes[j] != sizes[i]) return false;
    }
  }
  return true;
}

Status CheckRow(at::ScalarType dtype, at::IntArrayRef sizes, const Type& type, int64_t row) {
  if (dtype == ScalarTypeOf(type.dtype) && HasShape(sizes, type)) return Done{};
  return Error{
      .code = ErrorCode::kInvalidArgument,
      .message = "is " + ToString(TypeOfRow(dtype, sizes)) + ", declared " + ToString(type),
      .row_id = row};
}

Status CheckTextTensors(const Column& column, const Type& type) {
  for (int64_t row = 0; row < column.num_rows(); ++row) {
    if (column.is_null(row)) continue;
    const std::optional<TextTensor> tensor = Unpack(column.text()[row]);
    if (tensor && HasShape(tensor->shape, type)) continue;
    Type found{type.dtype};
    if (tensor) {
      for (const int64_t size : tensor->shape) found.shape.push_back(Dim::Size(size));
    }
    return Error{.code = ErrorCode::kInvalidArgument,
                 .message = "is " + ToString(found) + ", declared " + ToString(type),
                 .row_id = row};
  }
  return Done{};
}

/// The integer as one element of `dtype`, if it fits.
std::optional<at::Tensor> IntegerTensor(int64_t value, DataType dtype) {
  const auto [low, high] = IntegerRange(dtype);
  if (value < low || value > high) return std::nullopt;
  return at::scalar_tensor(value, at::kLong).to(ScalarTypeOf(dtype));
}

std::optional<at::Tensor> ScalarTensor(const Value& value, DataType dtype) {
  if (dtype == DataType::kBool) {
    if (value.AsBool() == nullptr) return std::nullopt;
    return at::scalar_tensor(*value.AsBool(), at::kBool);
  }
  if (IsFloat(dtype)) {
    const std::optional<double> number = value.AsNumber();
    if (!number) return std::nullopt;
    return at::scalar_tensor(*number, at::kDouble).to(ScalarTypeOf(dtype));
  }
  if (value.AsInt() == nullptr) return std::nullopt;
  // Above the greatest i64 the value is the negative one with the same bits.
  if (dtype == DataType::kU64) {
    return at::scalar_tensor(*value.AsInt(), at::kLong).view(at::kUInt64);
  }
  return IntegerTensor(*value.AsInt(), dtype);
}

/// Gives rows that are undefined some data; answers where there were others, undefined if
/// everywhere.
at::Tensor FillNulls(std::vector<at::Tensor>& rows, const Type& type) {
  const auto is_there = [](const at::Tensor& row) { return row.defined(); };
  if (std::all_of(rows.begin(), rows.end(), is_there)) return {};
  at::Tensor validity = at::empty({static_cast<int64_t>(rows.size())}, at::kBool);
  bool* out = validity.mutable_data_ptr<bool>();
  const auto value = std::find_if(rows.begin(), rows.end(), is_there);
  const at::Tensor filling = value == rows.end() ? Column::Nulls(type, 1).Row(0) : *value;
  for (at::Tensor& row : rows) {
    *out++ = row.defined();
    if (!row.defined()) row = filling;
  }
  return validity;
}

}  // namespace

int64_t Column::num_rows() const {
  if (is_dense()) return dense().defined() ? dense().size(0) : 0;
  if (is_ragged()) return static_cast<int64_t>(ragged().size());
  return text().num_rows();
}

at::Tensor Column::Row(int64_t row) const {
  return is_dense() ? dense().select(0, row) : ragged()[static_cast<size_t>(row)];
}

Column Column::WithValidity(at::Tensor validity) const {
  assert(!validity.defined() || validity.size(0) == num_rows());
  Column column = *this;
  column.validity_ = std::move(validity);
  return column;
}

Column Column::Slice(int64_t begin, int64_t end) const {
  assert(begin >= 0 && begin <= end && end <= num_rows());
  if (end - begin == num_rows()) return *this;
  Column slice = SliceData(begin, end);
  if (validity_.defined()) slice.validity_ = validity_.narrow(0, begin, end - begin);
  return slice;
}

Column Column::SliceData(int64_t begin, int64_t end) const {
  if (is_dense()) return dense().narrow(0, begin, end - begin);
  if (is_text()) return text().Slice(begin, end);
  return Column(std::vector<at::Tensor>(ragged().begin() + begin, ragged().begin() + end));
}

Column Column::Take(std::span<const int64_t> indices) const {
  if (indices.empty()) return Slice(0, 0);
  if (IsRange(indices)) return Slice(indices.front(), indices.back() + 1);
  Column taken = TakeData(indices);
  if (validity_.defined()) taken.validity_ = TakeDense(validity_, indices);
  return taken;
}

Column Column::TakeData(std::span<const int64_t> indices) const {
  if (is_dense()) return TakeDense(dense(), indices);
  if (is_text()) return TakeText(text(), indices);
  std::vector<at::Tensor> rows;
  rows.reserve(indices.size());
  for (const int64_t index : indices) rows.push_back(ragged()[static_cast<size_t>(index)]);
  return Column(std::move(rows));
}

Column Column::FromRows(std::vector<at::Tensor> rows, const Type& type) {
  if (rows.empty()) return Empty(type);
  if (at::Tensor validity = FillNulls(rows, type); validity.defined()) {
    return FromRows(std::move(rows), type).WithValidity(std::move(validity));
  }
  const at::Tensor& first = rows.front();
  if (rows.size() == 1) return first.unsqueeze(0);
  const bool alike = std::all_of(rows.begin(), rows.end(), [&first](const at::Tensor& row) {
    return row.scalar_type() == first.scalar_type() && row.sizes() == first.sizes();
  });
  if (!alike) return Column(std::move(rows));
  at::Tensor result = RowsLike(first.unsqueeze(0), static_cast<int64_t>(rows.size()));
  for (size_t i = 0; i < rows.size(); ++i) {
    CopyRows(rows[i].unsqueeze(0), 0, result, static_cast<int64_t>(i), 1);
  }
  return result;
}

Column Column::Empty(const Type& type) {
  if (IsText(type.dtype)) return TextColumn();
  std::vector<int64_t> sizes = {0};
  for (const Dim& dim : type.shape) sizes.push_back(dim.is_size() ? dim.size : 0);
  return at::empty(sizes, ScalarTypeOf(type.dtype));
}

Result<Column> Column::Constant(const Value& value, const Type& type, int64_t num_rows) {
  if (value.is_null() && type.optional) return Nulls(type, num_rows);
  if (type.is_scalar() && !type.is_unknown()) {
    if (IsText(type.dtype)) {
      if (value.AsString() != nullptr) {
        return Column(TextColumn::Repeat(*value.AsString(), num_rows));
      }
    } else if (std::optional<at::Tensor> scalar = ScalarTensor(value, type.dtype)) {
      return Column(scalar->expand({num_rows}));
    }
  }
  return Error{ErrorCode::kInvalidArgument,
               "the constant " + ToString(value) + " is no " + ToString(type)};
}

Column Column::Gather(std::span<const Column> inputs, std::span<const RowOf> from) {
  assert(!inputs.empty());
  if (from.empty()) return inputs[0].Slice(0, 0);
  const bool same_input = std::all_of(
      from.begin(), from.end(), [&from](const RowOf& row) { return row.first == from[0].first; });
  const Column& first = inputs[static_cast<size_t>(from[0].first)];
  if (same_input) {
    std::vector<int64_t> indices;
    indices.reserve(from.size());
    for (const RowOf& row : from) indices.push_back(row.second);
    return first.Take(indices);
  }
  Column gathered = first.is_text()               ? Column(GatherText(inputs, from))
                    : AreDenseAlike(inputs, from) ? Column(GatherDense(inputs, from))
                                                  : GatherRows(inputs, from);
  gathered.validity_ = GatherValidity(inputs, from);
  return gathered;
}

Status Column::CheckType(const Type& type) const {
  if (validity_.defined() && !type.optional) {
    for (int64_t row = 0; row < num_rows(); ++row) {
      if (!is_null(row)) continue;
      return Error{.code = ErrorCode::kInvalidArgument,
                   .message = "has no value, declared " + ToString(type),
                   .row_id = row};
    }
  }
  if (is_text() != IsText(type.dtype) || type.is_unknown()) {
    return Error{ErrorCode::kInvalidArgument, std::string(is_text() ? "is text" : "is a tensor") +
                                                  ", declared " + ToString(type)};
  }
  if (is_text()) {
    return type.is_scalar() ? Status(Done{}) : CheckTextTensors(*this, type);
  }
  if (Status plain = CheckPlain(*this); !plain) return plain;
  if (is_dense()) {
    if (dense().dim() == 0) return Error{ErrorCode::kInvalidArgument, "has no rows dimension"};
    if (num_rows() == 0 && dense().scalar_type() == ScalarTypeOf(type.dtype)) return Done{};
    return CheckRow(dense().scalar_type(), dense().sizes().slice(1), type, -1);
  }
  for (size_t row = 0; row < ragged().size(); ++row) {
    if (is_null(static_cast<int64_t>(row))) continue;
    Status checked = CheckRow(ragged()[row].scalar_type(), ragged()[row].sizes(), type,
                              static_cast<int64_t>(row));
    if (!checked) return checked;
  }
  return Done{};
}

at::ScalarType ScalarTypeOf(DataType type) {
  switch (type) {
    case DataType::kBool: return at::kBool;
    case DataType::kI8: return at::kChar;
    case DataType::kI16: return at::kShort;
    case DataType::kI32: return at::kInt;
    case DataType::kI64: return at::kLong;
    case DataType::kU8: return at::kByte;
    case DataType::kU16: return at::kUInt16;
    case DataType::kU32: return at::kUInt32;
    case DataType::kU64: return at::kUInt64;
    case DataType::kF16: return at::kHalf;
    case DataType::kBf16: return at::kBFloat16;
    case DataType::kF32: return at::kFloat;
    case DataType::kF64: return at::kDouble;
    case DataType::kTimestamp:
    case DataType::kDuration: return at::kLong;  // nanoseconds
    case DataType::kUnknown:
    case DataType::kString:
    case DataType::kBytes: break;
  }
  assert(false && "no tensor has this type");
  return at::kByte;
}

DataType DataTypeOf(at::ScalarType type) {
  switch (type) {
    case at::kBool: return DataType::kBool;
    case at::kChar: return DataType::kI8;
    case at::kShort: return DataType::kI16;
    case at::kInt: return DataType::kI32;
    case at::kLong: return DataType::kI64;
    case at::kByte: return DataType::kU8;
    case at::kUInt16: return DataType::kU16;
    case at::kUInt32: return DataType::kU32;
    case at::kUInt64: return DataType::kU64;
    case at::kHalf: return DataType::kF16;
    case at::kBFloat16: return DataType::kBf16;
    case at::kFloat: return DataType::kF32;
    case at::kDouble: return DataType::kF64;
    default: return DataType::kUnknown;
  }
}

}  // namespace raceway::engine
