#include "operators/columns/arithmetic.h"

#include <ATen/ExpandUtils.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/add.h>
#include <ATen/ops/ceil.h>
#include <ATen/ops/div.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/floor.h>
#include <ATen/ops/log.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/neg.h>
#include <ATen/ops/remainder.h>
#include <ATen/ops/round.h>
#include <ATen/ops/sqrt.h>
#include <ATen/ops/sub.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "engine/data/time_text.h"
#include "operators/columns/dense.h"

namespace raceway::operators {
namespace {

using engine::Column;
using engine::Error;
using engine::ErrorCode;
using engine::Result;
using engine::Type;
using Tensors = std::span<const at::Tensor>;
using Binary = at::Tensor (*)(const at::Tensor&, const at::Tensor&);
using Unary = at::Tensor (*)(const at::Tensor&);

std::string ShapeText(const at::Tensor& tensor) {
  std::ostringstream text;
  text << tensor.sizes().slice(1);
  return text.str();
}

/// [rows] → [rows, 1, …]
at::Tensor WithRank(at::Tensor scalar, int64_t rank) {
  while (scalar.dim() < rank) scalar = scalar.unsqueeze(-1);
  return scalar;
}

/// Both with the same rank, a scalar as something that LibTorch broadcasts.
Result<std::pair<at::Tensor, at::Tensor>> Align(Tensors args) {
  const at::Tensor& a = args[0];
  const at::Tensor& b = args[1];
  if (a.dim() == 1 || b.dim() == 1) {
    const int64_t rank = std::max(a.dim(), b.dim());
    return std::pair(WithRank(a, rank), WithRank(b, rank));
  }
  if (a.sizes() != b.sizes()) {
    return Error{ErrorCode::kInvalidArgument,
                 "shapes " + ShapeText(a) + " and " + ShapeText(b) + " differ"};
  }
  return std::pair(a, b);
}

/// Of types that LibTorch computes with; others take the signed type of their width.
template <Binary kOp>
Result<at::Tensor> Elementwise(Tensors args, const Type& type) {
  Result<std::pair<at::Tensor, at::Tensor>> aligned = Align(args);
  if (!aligned) return aligned.error();
  const at::Tensor result = kOp(AsSigned(aligned->first), AsSigned(aligned->second));
  return result.view(ScalarTypeOf(type.dtype));
}

/// The quotient rounded down. LibTorch's own traps on the smallest number divided by -1.
template <typename T>
T FloorDiv(T a, T b) {
  if constexpr (std::is_signed_v<T>) {
    if (b == -1) return static_cast<T>(0 - static_cast<std::make_unsigned_t<T>>(a));
    const T quotient = static_cast<T>(a / b);
    return a % b != 0 && (a < 0) != (b < 0) ? static_cast<T>(quotient - 1) : quotient;
  } else {
    return static_cast<T>(a / b);
  }
}

template <typename T>
T FloorMod(T a, T b) {
  if constexpr (std::is_signed_v<T>) {
    if (b == -1) return 0;
    const T rest = static_cast<T>(a % b);
    return rest != 0 && (rest < 0) != (b < 0) ? static_cast<T>(rest + b) : rest;
  } else {
    return static_cast<T>(a % b);
  }
}

constexpr const char* kDivisionByZero = "division of an integer by 0";

template <typename T, T (*kOp)(T, T)>
Result<at::Tensor> DivideLoop(const at::Tensor& a, const at::Tensor& b) {
  at::Tensor result = at::empty(a.sizes(), a.options());
  const T* left = a.const_data_ptr<T>();
  const T* right = b.const_data_ptr<T>();
  T* out = result.mutable_data_ptr<T>();
  const int64_t count = result.numel();
  for (int64_t i = 0; i < count; ++i) {
    if (right[i] == 0) return FailedAt(i, result, kDivisionByZero);
    out[i] = kOp(left[i], right[i]);
  }
  return result;
}

template <typename T>
Result<at::Tensor> DivideIntegers(const at::Tensor& a, const at::Tensor& b, bool wants_rest) {
  return wants_rest ? DivideLoop<T, &FloorMod<T>>(a, b) : DivideLoop<T, &FloorDiv<T>>(a, b);
}

Result<at::Tensor> DivideIntegers(const at::Tensor& left, const at::Tensor& right,
                                  bool wants_rest) {
  const std::vector<int64_t> sizes = at::infer_size(left.sizes(), right.sizes());
  const at::Tensor a = left.expand(sizes).contiguous();
  const at::Tensor b = right.expand(sizes).contiguous();
  switch (a.scalar_type()) {
    case at::kChar: return DivideIntegers<int8_t>(a, b, wants_rest);
    case at::kShort: return DivideIntegers<int16_t>(a, b, wants_rest);
    case at::kInt: return DivideIntegers<int32_t>(a, b, wants_rest);
    case at::kLong: return DivideIntegers<int64_t>(a, b, wants_rest);
    case at::kByte: return DivideIntegers<uint8_t>(a, b, wants_rest);
    case at::kUInt16: return DivideIntegers<uint16_t>(a, b, wants_rest);
    case at::kUInt32: return DivideIntegers<uint32_t>(a, b, wants_rest);
    default: return DivideIntegers<uint64_t>(a, b, wants_rest);
  }
}

// --- times: nanoseconds as i64, which never wrap around ---

constexpr const char* kTooLong = "the result is too long for a time";

const char* TooLongIf(bool overflows) { return overflows ? kTooLong : nullptr; }

/// `op`(a, b, &result) of each pair of elements says what is wrong with it, or null.
template <typename Right, typename Op>
Result<at::Tensor> EachTime(const at::Tensor& left, const at::Tensor& right, Op op) {
  const std::vector<int64_t> sizes = at::infer_size(left.sizes(), right.sizes());
  const at::Tensor a = left.expand(sizes).contiguous();
  const at::Tensor b = right.expand(sizes).contiguous();
  at::Tensor result = at::empty(sizes, a.options());
  const int64_t* time = a.const_data_ptr<int64_t>();
  const Right* other = b.const_data_ptr<Right>();
  int64_t* out = result.mutable_data_ptr<int64_t>();
  const int64_t count = result.numel();
  for (int64_t i = 0; i < count; ++i) {
    if (const char* why = op(time[i], other[i], &out[i])) return FailedAt(i, result, why);
  }
  return result;
}

const char* AddTimes(int64_t a, int64_t b, int64_t* out) {
  return TooLongIf(__builtin_add_overflow(a, b, out));
}
const char* SubTimes(int64_t a, int64_t b, int64_t* out) {
  return TooLongIf(__builtin_sub_overflow(a, b, out));
}
template <typename Number>
const char* MulTime(int64_t a, Number b, int64_t* out) {
  return TooLongIf(__builtin_mul_overflow(a, b, out));
}
const char* NegTime(int64_t a, int64_t /*same*/, int64_t* out) { return SubTimes(0, a, out); }
const char* AbsTime(int64_t a, int64_t /*same*/, int64_t* out) {
  *out = a;
  return a < 0 ? SubTimes(0, a, out) : nullptr;
}
const char* DivTime(int64_t a, int64_t b, int64_t* out) {
  if (b == 0) return kDivisionByZero;
  if (b == -1) return SubTimes(0, a, out);
  *out = FloorDiv(a, b);
  return nullptr;
}
const char* DivTimeByUnsigned(int64_t a, uint64_t b, int64_t* out) {
  if (b <= uint64_t{INT64_MAX}) return DivTime(a, static_cast<int64_t>(b), out);
  *out = a < 0 ? -1 : 0;
  return nullptr;
}

/// The nearest nanosecond, where it is one that fits.
Result<at::Tensor> Nanoseconds(const at::Tensor& exact) {
  const at::Tensor rounded = at::round(exact).contiguous();
  const double* value = rounded.const_data_ptr<double>();
  for (int64_t i = 0; i < rounded.numel(); ++i) {
    if (!(value[i] >= -0x1p63 && value[i] < 0x1p63)) return FailedAt(i, rounded, kTooLong);
  }
  return rounded.to(at::kLong);
}

/// Two times, in i64 both.
template <const char* (*kOp)(int64_t, int64_t, int64_t*)>
Result<at::Tensor> TwoTimes(Tensors args, const Type& /*type*/) {
  Result<std::pair<at::Tensor, at::Tensor>> aligned = Align(args);
  if (!aligned) return aligned.error();
  return EachTime<int64_t>(aligned->first, aligned->second, kOp);
}

template <const char* (*kOp)(int64_t, int64_t, int64_t*)>
Result<at::Tensor> OneTime(Tensors args, const Type& /*type*/) {
  return EachTime<int64_t>(args[0], args[0], kOp);
}

/// A duration and a number, in this order or the other.
Result<at::Tensor> TimesNumber(Tensors args, const Type& /*type*/) {
  Result<std::pair<at::Tensor, at::Tensor>> aligned = Align(args);
  if (!aligned) return aligned.error();
  const auto& [a, b] = *aligned;
  if (a.is_floating_point() || b.is_floating_point()) {
    return Nanoseconds(at::mul(a.to(at::kDouble), b.to(at::kDouble)));
  }
  if (a.scalar_type() == at::kUInt64) return EachTime<uint64_t>(b, a, &MulTime<uint64_t>);
  if (b.scalar_type() == at::kUInt64) return EachTime<uint64_t>(a, b, &MulTime<uint64_t>);
  return EachTime<int64_t>(a.to(at::kLong), b.to(at::kLong), &MulTime<int64_t>);
}

/// A duration by a number, or by a duration.
Result<at::Tensor> DivideTime(const at::Tensor& a, const at::Tensor& b, const Type& type) {
  if (type.dtype != engine::DataType::kDuration) {
    return at::div(a.to(at::kDouble), b.to(at::kDouble));
  }
  if (b.is_floating_point()) return Nanoseconds(at::div(a.to(at::kDouble), b.to(at::kDouble)));
  if (b.scalar_type() == at::kUInt64) return EachTime<uint64_t>(a, b, &DivTimeByUnsigned);
  return EachTime<int64_t>(a, b.to(at::kLong), &DivTime);
}

template <bool kWantsRest>
Result<at::Tensor> Divide(Tensors args, const Type& type) {
  Result<std::pair<at::Tensor, at::Tensor>> aligned = Align(args);
  if (!aligned) return aligned.error();
  const auto& [a, b] = *aligned;
  if (engine::IsInteger(type.dtype)) return DivideIntegers(a, b, kWantsRest);
  if (a.scalar_type() == at::kLong) return DivideTime(a, b, type);
  return kWantsRest ? at::remainder(a, b) : at::div(a, b);
}

template <Unary kOp>
Result<at::Tensor> Each(Tensors args, const Type& /*type*/) {
  return kOp(args[0]);
}

Result<at::Tensor> AbsTensor(Tensors args, const Type& type) {
  const bool is_unsigned =
      type.dtype >= engine::DataType::kU8 && type.dtype <= engine::DataType::kU64;
  return is_unsigned ? args[0] : at::abs(args[0]);
}

at::Tensor Sum(const at::Tensor& a, const at::Tensor& b) { return at::add(a, b); }
at::Tensor Difference(const at::Tensor& a, const at::Tensor& b) { return at::sub(a, b); }
at::Tensor Product(const at::Tensor& a, const at::Tensor& b) { return at::mul(a, b); }

bool IsOfTime(const ColumnCall& call) { return engine::IsTime(call.type.dtype); }

}  // namespace

Result<Column> Add(const ColumnCall& call) {
  return RunDense(IsOfTime(call) ? &TwoTimes<&AddTimes> : &Elementwise<&Sum>, call);
}
Result<Column> Sub(const ColumnCall& call) {
  return RunDense(IsOfTime(call) ? &TwoTimes<&SubTimes> : &Elementwise<&Difference>, call);
}
Result<Column> Mul(const ColumnCall& call) {
  return RunDense(IsOfTime(call) ? &TimesNumber : &Elementwise<&Product>, call);
}
Result<Column> Div(const ColumnCall& call) { return RunDense(&Divide<false>, call); }
Result<Column> Mod(const ColumnCall& call) { return RunDense(&Divide<true>, call); }
Result<Column> Neg(const ColumnCall& call) {
  return RunDense(IsOfTime(call) ? &OneTime<&NegTime> : &Each<&at::neg>, call);
}
Result<Column> Abs(const ColumnCall& call) {
  return RunDense(IsOfTime(call) ? &OneTime<&AbsTime> : &AbsTensor, call);
}
Result<Column> Round(const ColumnCall& call) { return RunDense(&Each<&at::round>, call); }
Result<Column> Floor(const ColumnCall& call) { return RunDense(&Each<&at::floor>, call); }
Result<Column> Ceil(const ColumnCall& call) { return RunDense(&Each<&at::ceil>, call); }
Result<Column> Exp(const ColumnCall& call) { return RunDense(&Each<&at::exp>, call); }
Result<Column> Log(const ColumnCall& call) { return RunDense(&Each<&at::log>, call); }
Result<Column> Sqrt(const ColumnCall& call) { return RunDense(&Each<&at::sqrt>, call); }

}  // namespace raceway::operators
