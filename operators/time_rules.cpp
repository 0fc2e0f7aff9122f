#include "operators/time_rules.h"

#include <string>

namespace raceway::operators {
namespace {

using engine::DataType;
using engine::Result;
using engine::Type;

/// Of what the result is, `kUnknown` where there is none.
DataType ResultOf(std::string_view sign, DataType a, DataType b) {
  constexpr DataType kDuration = DataType::kDuration;
  constexpr DataType kTimestamp = DataType::kTimestamp;
  if (sign == "+") {
    if (a == kDuration && engine::IsTime(b)) return b;
    return a == kTimestamp && b == kDuration ? a : DataType::kUnknown;
  }
  if (sign == "-") {
    if (a == kTimestamp && engine::IsTime(b)) return b == kTimestamp ? kDuration : kTimestamp;
    return a == kDuration && b == kDuration ? a : DataType::kUnknown;
  }
  if (sign == "*") {
    const bool fits =
        (a == kDuration && engine::IsNumber(b)) || (b == kDuration && engine::IsNumber(a));
    return fits ? kDuration : DataType::kUnknown;
  }
  if (sign != "/" || a != kDuration) return DataType::kUnknown;
  if (b == kDuration) return DataType::kF64;
  return engine::IsNumber(b) ? kDuration : DataType::kUnknown;
}

std::string_view Fitting(std::string_view sign) {
  if (sign == "+") return "two durations, or a timestamp and a duration";
  if (sign == "-") return "two durations, two timestamps, or a timestamp and a duration";
  if (sign == "*") return "a duration and a number";
  if (sign == "/") return "a duration and a number, or two durations";
  return "numbers";
}

}  // namespace

Result<Type> TimeArithmetic(std::string_view sign, Types args) {
  const DataType dtype = ResultOf(sign, args[0].dtype, args[1].dtype);
  if (dtype == DataType::kUnknown) return Wants(sign, Fitting(sign), args);
  if (args[0].is_scalar()) return Type{dtype, args[1].shape};
  if (args[1].is_scalar() || args[0].shape == args[1].shape) return Type{dtype, args[0].shape};
  return Wants(sign, "two tensors of one shape, or a tensor and a scalar", args);
}

}  // namespace raceway::operators
