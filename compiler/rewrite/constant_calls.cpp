#include "compiler/rewrite/constant_calls.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "engine/data/time_text.h"

namespace raceway::compiler {
namespace {

using engine::DataType;
using engine::Expression;
using engine::Value;
using Answer = std::optional<Value>;

/// Cut to the width of `type`, as a register of that width would.
int64_t Wrap(uint64_t value, DataType type) {
  switch (type) {
    case DataType::kI8: return static_cast<int8_t>(value);
    case DataType::kI16: return static_cast<int16_t>(value);
    case DataType::kI32: return static_cast<int32_t>(value);
    case DataType::kU8: return static_cast<uint8_t>(value);
    case DataType::kU16: return static_cast<uint16_t>(value);
    case DataType::kU32: return static_cast<uint32_t>(value);
    default: return static_cast<int64_t>(value);
  }
}

/// Rounded down; `b` is not 0.
int64_t FloorDiv(int64_t a, int64_t b) {
  if (b == -1) return static_cast<int64_t>(0 - static_cast<uint64_t>(a));
  return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

int64_t FloorMod(int64_t a, int64_t b) {
  if (b == -1) return 0;
  const int64_t rest = a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

template <typename T>
Answer Compare(std::string_view name, const T& a, const T& b) {
  if (name == "eq") return Value(a == b);
  if (name == "ne") return Value(a != b);
  if (name == "lt") return Value(a < b);
  if (name == "le") return Value(a <= b);
  if (name == "gt") return Value(a > b);
  if (name == "ge") return Value(a >= b);
  return std::nullopt;
}

Answer OfIntegers(std::string_view name, int64_t a, int64_t b, DataType type) {
  const auto x = static_cast<uint64_t>(a);
  const auto y = static_cast<uint64_t>(b);
  const auto wrapped = [type](auto value) {
    return Value(Wrap(static_cast<uint64_t>(value), type));
  };
  if (name == "add") return wrapped(x + y);
  if (name == "sub") return wrapped(x - y);
  if (name == "mul") return wrapped(x * y);
  if (name == "div" && b != 0) return wrapped(FloorDiv(a, b));
  if (name == "mod" && b != 0) return wrapped(FloorMod(a, b));
  return Compare(name, a, b);
}

/// What a plan can hold as a number.
template <typename T>
Answer Finite(T value) {
  if (!std::isfinite(value)) return std::nullopt;
  return Value(static_cast<double>(value));
}

template <typename T>
Answer OfFloats(std::string_view name, T a, T b) {
  if (name == "add") return Finite(a + b);
  if (name == "sub") return Finite(a - b);
  if (name == "mul") return Finite(a * b);
  if (name == "div") return b == 0 ? std::nullopt : Finite(a / b);
  const bool is_order = name != "eq" && name != "ne";
  if (is_order && (std::isnan(a) || std::isnan(b))) return std::nullopt;
  return Compare(name, a, b);
}

std::string Cased(std::string text, char from, int by) {
  for (char& c : text) {
    if (c >= from && c < from + 26) c = static_cast<char>(c + by);
  }
  return text;
}

Answer OfText(std::string_view name, const std::string& text) {
  if (name == "string" || name == "concat") return Value(text);
  if (name == "lower") return Value(Cased(text, 'A', 'a' - 'A'));
  if (name == "upper") return Value(Cased(text, 'a', 'A' - 'a'));
  if (name != "len") return std::nullopt;
  const auto starts = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; };
  return Value(static_cast<int64_t>(std::count_if(text.begin(), text.end(), starts)));
}

bool IsFoldedInteger(DataType type) { return engine::IsInteger(type) && type != DataType::kU64; }
bool IsFoldedFloat(DataType type) { return type == DataType::kF32 || type == DataType::kF64; }

Answer IntegerTo(int64_t value, DataType to) {
  if (to == DataType::kString) return Value(std::to_string(value));
  if (to == DataType::kBool) return Value(value != 0);
  if (to == DataType::kF32) return Finite(static_cast<float>(value));
  if (to == DataType::kF64) return Finite(static_cast<double>(value));
  if (!IsFoldedInteger(to) || Wrap(static_cast<uint64_t>(value), to) != value) return std::nullopt;
  return Value(value);
}

Answer FloatTo(double value, DataType to) {
  if (to == DataType::kBool) return Value(value != 0);
  if (to == DataType::kF32) return Finite(static_cast<float>(value));
  if (to == DataType::kF64) return Finite(value);
  const double cut = std::trunc(value);
  if (!IsFoldedInteger(to) || !(cut >= -0x1p63 && cut < 0x1p63)) return std::nullopt;
  return IntegerTo(static_cast<int64_t>(cut), to);
}

Answer BoolTo(bool value, DataType to) {
  if (to == DataType::kString) return std::nullopt;  // its spelling is the operators' business
  return IntegerTo(value ? 1 : 0, to);
}

// Not `sqrt`, `exp` and `log`: the last bit of LibTorch's depends on the processor.
template <typename T>
Answer OfOneFloat(std::string_view name, T value) {
  if (name == "neg") return Finite(-value);
  if (name == "abs") return Finite(std::abs(value));
  if (name == "floor") return Finite(std::floor(value));
  if (name == "ceil") return Finite(std::ceil(value));
  if (name == "round") return Finite(std::nearbyint(value));
  return std::nullopt;
}

Answer OfOneInteger(std::string_view name, int64_t value, DataType type) {
  if (name == "neg" || (name == "abs" && value < 0)) return OfIntegers("sub", 0, value, type);
  if (name == "abs") return Value(value);
  return std::nullopt;
}

Answer OfOne(const Expression& call, const Value& value) {
  const DataType from = call.args[0].type.dtype;
  const std::optional<DataType> to = engine::DataTypeFromName(call.name);
  if (const bool* is_true = value.AsBool()) {
    if (call.name == "not") return Value(!*is_true);
    return to ? BoolTo(*is_true, *to) : std::nullopt;
  }
  if (from == DataType::kString && value.AsString() != nullptr) {
    return OfText(call.name, *value.AsString());
  }
  if (IsFoldedInteger(from) && value.AsInt() != nullptr) {
    return to ? IntegerTo(*value.AsInt(), *to) : OfOneInteger(call.name, *value.AsInt(), from);
  }
  const std::optional<double> number = value.AsNumber();
  if (!IsFoldedFloat(from) || !number) return std::nullopt;
  if (from == DataType::kF64) return to ? FloatTo(*number, *to) : OfOneFloat(call.name, *number);
  const auto narrow = static_cast<float>(*number);
  return to ? FloatTo(static_cast<double>(narrow), *to) : OfOneFloat(call.name, narrow);
}

Answer OfTwo(const Expression& call, const Value& a, const Value& b) {
  const DataType type = call.args[0].type.dtype;
  if (call.args[1].type.dtype != type) return std::nullopt;  // a duration and a number
  if (a.AsBool() != nullptr && b.AsBool() != nullptr) {
    const bool is_equality = call.name == "eq" || call.name == "ne";
    return is_equality ? Compare(call.name, *a.AsBool(), *b.AsBool()) : std::nullopt;
  }
  if (IsFoldedInteger(type) && a.AsInt() != nullptr && b.AsInt() != nullptr) {
    return OfIntegers(call.name, *a.AsInt(), *b.AsInt(), type);
  }
  if (engine::IsTime(type) && a.AsInt() != nullptr && b.AsInt() != nullptr) {
    return Compare(call.name, *a.AsInt(), *b.AsInt());
  }
  if (type == DataType::kU64 && a.AsInt() != nullptr && b.AsInt() != nullptr) {
    return Compare(call.name, static_cast<uint64_t>(*a.AsInt()), static_cast<uint64_t>(*b.AsInt()));
  }
  if (type == DataType::kString && a.AsString() != nullptr && b.AsString() != nullptr) {
    return Compare<std::string>(call.name, *a.AsString(), *b.AsString());
  }
  if (!IsFoldedFloat(type) || !a.AsNumber() || !b.AsNumber()) return std::nullopt;
  if (type == DataType::kF64) return OfFloats(call.name, *a.AsNumber(), *b.AsNumber());
  return OfFloats(call.name, static_cast<float>(*a.AsNumber()), static_cast<float>(*b.AsNumber()));
}

Answer Concat(const std::vector<Expression>& args) {
  std::string text;
  for (const Expression& arg : args) {
    if (arg.constant.AsString() == nullptr) return std::nullopt;
    text += *arg.constant.AsString();
  }
  return Value(std::move(text));
}

}  // namespace

Answer ValueOfCall(const Expression& call) {
  for (const Expression& arg : call.args) {
    if (!arg.type.is_scalar() || arg.type.optional) return std::nullopt;
  }
  if (call.name == "concat") return Concat(call.args);
  if (call.args.size() == 1) return OfOne(call, call.args[0].constant);
  if (call.args.size() == 2) return OfTwo(call, call.args[0].constant, call.args[1].constant);
  return std::nullopt;
}

}  // namespace raceway::compiler
