#include "operators/columns/cast.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/ne.h>

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "engine/data/time_text.h"
#include "engine/value.h"
#include "operators/columns/dense.h"
#include "operators/utf8.h"

namespace raceway::operators {
namespace {

using engine::Column;
using engine::DataType;
using engine::Error;
using engine::ErrorCode;
using engine::Result;
using engine::TextBuilder;
using engine::TextColumn;
using engine::Type;

template <typename T>
std::string NumberText(T value) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(value)) return "nan";  // whatever its sign
  }
  std::array<char, 32> buffer;
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  std::string text(buffer.data(), end);
  if constexpr (std::is_floating_point_v<T>) {  // a float reads as one: 1.0
    if (text.find_first_not_of("-0123456789") == std::string::npos) text += ".0";
  }
  return text;
}

// --- numbers to numbers ---

/// Whether `value`, cut towards 0, is one of `To`'s.
template <typename To, typename From>
bool Fits(From value) {
  if constexpr (std::is_floating_point_v<From>) {
    constexpr int kBits = std::numeric_limits<To>::digits;
    const double cut = std::trunc(value);  // comparisons with NaN are false
    return cut >= static_cast<double>(std::numeric_limits<To>::min()) &&
           cut < std::ldexp(1.0, kBits);
  } else {
    return std::in_range<To>(value);
  }
}

template <typename To, typename From>
Result<at::Tensor> ToInteger(const at::Tensor& from, const Type& type) {
  at::Tensor result = at::empty(from.sizes(), ScalarTypeOf(type.dtype));
  const From* in = from.const_data_ptr<From>();
  To* out = result.mutable_data_ptr<To>();
  const int64_t count = result.numel();
  for (int64_t i = 0; i < count; ++i) {
    if (!Fits<To>(in[i])) {
      return FailedAt(i, result,
                      NumberText(in[i]) + " does not fit " + std::string(NameOf(type.dtype)));
    }
    out[i] = static_cast<To>(in[i]);
  }
  return result;
}

/// All sources as one of three types, which lose nothing.
template <typename To>
Result<at::Tensor> ToInteger(const at::Tensor& from, const Type& type) {
  if (from.is_floating_point()) {
    return ToInteger<To, double>(from.to(at::kDouble).contiguous(), type);
  }
  if (from.scalar_type() == at::kUInt64) return ToInteger<To, uint64_t>(from.contiguous(), type);
  return ToInteger<To, int64_t>(from.to(at::kLong).contiguous(), type);
}

Result<at::Tensor> NumberToNumber(std::span<const at::Tensor> args, const Type& type) {
  const at::Tensor& from = args[0];
  const at::ScalarType to = ScalarTypeOf(type.dtype);
  if (from.scalar_type() == to) return from;
  switch (type.dtype) {
    case DataType::kBool: return at::ne(from, 0);
    case DataType::kI8: return ToInteger<int8_t>(from, type);
    case DataType::kI16: return ToInteger<int16_t>(from, type);
    case DataType::kI32: return ToInteger<int32_t>(from, type);
    case DataType::kI64: return ToInteger<int64_t>(from, type);
    case DataType::kU8: return ToInteger<uint8_t>(from, type);
    case DataType::kU16: return ToInteger<uint16_t>(from, type);
    case DataType::kU32: return ToInteger<uint32_t>(from, type);
    case DataType::kU64: return ToInteger<uint64_t>(from, type);
    default: return from.to(to);
  }
}

// --- text to numbers ---

/// Also leaves `value` alone where `text` is none.
template <typename T>
bool Parse(std::string_view text, T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    value = text == "true";
    return value || text == "false";
  } else {
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    return error == std::errc() && stop == end;
  }
}

template <typename T>
Result<at::Tensor> ParseRows(const ColumnCall& call, at::ScalarType dtype) {
  const TextColumn& text = call.args[0].text();
  at::Tensor result = at::empty({call.num_rows}, dtype);
  T* out = result.mutable_data_ptr<T>();
  for (int64_t row = 0; row < call.num_rows; ++row) {
    if (Parse(text[row], out[row])) continue;
    const std::string shown(text[row].substr(0, 40));
    return Error{.code = ErrorCode::kFailed,
                 .message = ToString(engine::Value(shown)) + " is no " +
                            std::string(NameOf(call.type.dtype)),
                 .row_id = row};
  }
  return result;
}

Result<at::Tensor> TextToNumber(const ColumnCall& call) {
  switch (call.type.dtype) {
    case DataType::kBool: return ParseRows<bool>(call, at::kBool);
    case DataType::kI8: return ParseRows<int8_t>(call, at::kChar);
    case DataType::kI16: return ParseRows<int16_t>(call, at::kShort);
    case DataType::kI32: return ParseRows<int32_t>(call, at::kInt);
    case DataType::kI64: return ParseRows<int64_t>(call, at::kLong);
    case DataType::kU8: return ParseRows<uint8_t>(call, at::kByte);
    case DataType::kU16: return ParseRows<uint16_t>(call, at::kUInt16);
    case DataType::kU32: return ParseRows<uint32_t>(call, at::kUInt32);
    case DataType::kU64: return ParseRows<uint64_t>(call, at::kUInt64);
    case DataType::kF64: return ParseRows<double>(call, at::kDouble);
    case DataType::kF32: return ParseRows<float>(call, at::kFloat);
    default: break;
  }
  Result<at::Tensor> result = ParseRows<float>(call, at::kFloat);  // f16, bf16
  if (!result) return result;
  return result->to(ScalarTypeOf(call.type.dtype));
}

// --- times and text ---

Result<Column> TextToTime(const ColumnCall& call) {
  const TextColumn& text = call.args[0].text();
  const DataType type = call.type.dtype;
  at::Tensor result = at::empty({call.num_rows}, at::kLong);
  int64_t* out = result.mutable_data_ptr<int64_t>();
  for (int64_t row = 0; row < call.num_rows; ++row) {
    const std::optional<int64_t> time = engine::TimeFromText(text[row], type);
    if (!time) {
      const std::string shown(text[row].substr(0, Utf8PrefixLength(text[row].substr(0, 40))));
      return Error{.code = ErrorCode::kFailed,
                   .message = ToString(engine::Value(shown)) + " is not " +
                              std::string(engine::TimeExample(type)),
                   .row_id = row};
    }
    out[row] = *time;
  }
  return Column(std::move(result));
}

Column TimeToText(const at::Tensor& times, DataType type) {
  const at::Tensor dense = times.contiguous();
  const int64_t* values = dense.const_data_ptr<int64_t>();
  TextBuilder builder(dense.size(0));
  for (int64_t row = 0; row < dense.size(0); ++row) {
    builder.Append(engine::TimeText(values[row], type));
  }
  return std::move(builder).Build();
}

// --- numbers and bytes to text ---

template <typename T>
Column PrintRows(const at::Tensor& tensor) {
  const at::Tensor dense = tensor.contiguous();
  const T* values = dense.const_data_ptr<T>();
  TextBuilder builder(dense.size(0));
  for (int64_t row = 0; row < dense.size(0); ++row) {
    if constexpr (std::is_same_v<T, bool>) {
      builder.Append(values[row] ? "true" : "false");
    } else {
      builder.Append(NumberText(values[row]));
    }
  }
  return std::move(builder).Build();
}

Column NumberToText(const at::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case at::kBool: return PrintRows<bool>(tensor);
    case at::kUInt64: return PrintRows<uint64_t>(tensor);
    case at::kDouble: return PrintRows<double>(tensor);
    case at::kFloat:
    case at::kHalf:
    case at::kBFloat16: return PrintRows<float>(tensor.to(at::kFloat));
    default: return PrintRows<int64_t>(tensor.to(at::kLong));
  }
}

Result<Column> BytesToString(const ColumnCall& call) {
  const TextColumn& text = call.args[0].text();
  for (int64_t row = 0; row < call.num_rows; ++row) {
    const size_t good = Utf8PrefixLength(text[row]);
    if (good == text[row].size()) continue;
    return Error{.code = ErrorCode::kFailed,
                 .message = "byte " + std::to_string(good + 1) + " is not UTF-8",
                 .row_id = row};
  }
  return call.args[0];
}

}  // namespace

Result<Column> Cast(const ColumnCall& call) {
  const Column& from = call.args[0];
  if (engine::IsText(call.type.dtype)) {
    if (engine::IsTime(call.of)) return TimeToText(from.dense(), call.of);
    if (!from.is_text()) return NumberToText(from.dense());
    return call.type.dtype == DataType::kString ? BytesToString(call) : Result<Column>(from);
  }
  if (engine::IsTime(call.type.dtype)) return from.is_text() ? TextToTime(call) : from;
  if (!from.is_text()) return RunDense(&NumberToNumber, call);
  Result<at::Tensor> numbers = TextToNumber(call);
  if (!numbers) return numbers.error();
  return Column(std::move(*numbers));
}

}  // namespace raceway::operators
