#include "engine/data/type.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace raceway::engine {
namespace {

constexpr std::array<std::pair<DataType, std::string_view>, 17> kNames = {{
    {DataType::kBool, "bool"},
    {DataType::kI8, "i8"},
    {DataType::kI16, "i16"},
    {DataType::kI32, "i32"},
    {DataType::kI64, "i64"},
    {DataType::kU8, "u8"},
    {DataType::kU16, "u16"},
    {DataType::kU32, "u32"},
    {DataType::kU64, "u64"},
    {DataType::kF16, "f16"},
    {DataType::kBf16, "bf16"},
    {DataType::kF32, "f32"},
    {DataType::kF64, "f64"},
    {DataType::kString, "string"},
    {DataType::kBytes, "bytes"},
    {DataType::kTimestamp, "timestamp"},
    {DataType::kDuration, "duration"},
}};

std::string_view Trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

Dim DimFromString(std::string_view text) {
  int64_t size = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
  if (error == std::errc() && end == text.data() + text.size() && size >= 0) return Dim::Size(size);
  return Dim::Symbol(std::string(text));
}

}  // namespace

std::string_view NameOf(DataType type) {
  for (const auto& [candidate, name] : kNames) {
    if (candidate == type) return name;
  }
  return "?";
}

std::optional<DataType> DataTypeFromName(std::string_view text) {
  for (const auto& [candidate, name] : kNames) {
    if (name == text) return candidate;
  }
  return std::nullopt;
}

const std::vector<std::string>& DataTypeNames() {
  static const std::vector<std::string> kAll = [] {
    std::vector<std::string> all;
    all.reserve(kNames.size());
    for (const auto& [type, name] : kNames) all.emplace_back(name);
    return all;
  }();
  return kAll;
}

bool IsInteger(DataType type) { return type >= DataType::kI8 && type <= DataType::kU64; }
std::pair<int64_t, int64_t> IntegerRange(DataType type) {
  switch (type) {
    case DataType::kBool: return {0, 1};
    case DataType::kI8: return {INT8_MIN, INT8_MAX};
    case DataType::kI16: return {INT16_MIN, INT16_MAX};
    case DataType::kI32: return {INT32_MIN, INT32_MAX};
    case DataType::kU8: return {0, UINT8_MAX};
    case DataType::kU16: return {0, UINT16_MAX};
    case DataType::kU32: return {0, UINT32_MAX};
    case DataType::kU64: return {0, INT64_MAX};
    default: return {INT64_MIN, INT64_MAX};
  }
}

bool IsFloat(DataType type) { return type >= DataType::kF16 && type <= DataType::kF64; }

bool Type::is_fixed() const {
  return std::all_of(shape.begin(), shape.end(), [](const Dim& dim) { return dim.is_size(); });
}

std::string ToString(const Dim& dim) {
  return dim.is_size() ? std::to_string(dim.size) : dim.symbol;
}

std::string ToString(const Type& type) {
  std::string text(NameOf(type.dtype));
  if (!type.shape.empty()) {
    text += '[';
    for (size_t i = 0; i < type.shape.size(); ++i) {
      if (i > 0) text += ", ";
      text += ToString(type.shape[i]);
    }
    text += ']';
  }
  if (type.optional) text += '?';
  return text;
}

std::optional<Type> TypeFromString(std::string_view text) {
  Type type;
  text = Trim(text);
  if (text.ends_with('?')) {
    type.optional = true;
    text.remove_suffix(1);
  }
  if (const size_t open = text.find('['); open != std::string_view::npos) {
    if (!text.ends_with(']')) return std::nullopt;
    std::string_view dims = text.substr(open + 1, text.size() - open - 2);
    while (true) {
      const size_t comma = dims.find(',');
      const std::string_view dim = Trim(dims.substr(0, comma));
      if (dim.empty()) return std::nullopt;
      type.shape.push_back(DimFromString(dim));
      if (comma == std::string_view::npos) break;
      dims.remove_prefix(comma + 1);
    }
    text = text.substr(0, open);
  }
  const std::optional<DataType> dtype = DataTypeFromName(text);
  if (!dtype) return std::nullopt;
  type.dtype = *dtype;
  return type;
}

}  // namespace raceway::engine
