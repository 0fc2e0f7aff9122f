#include "engine/load/scalar_type.h"

namespace raceway::engine::load {
namespace {

/// One type under all of its names; those that a format does not have are empty or -1.
struct Names {
  ScalarType type;
  uint64_t size;
  std::string_view storage;
  std::string_view safetensors;
  std::string_view cpp;
  int64_t exported;
};

constexpr Names kTypes[] = {
    {ScalarType::kU8, 1, "ByteStorage", "U8", "uint8", 1},
    {ScalarType::kI8, 1, "CharStorage", "I8", "int8", 2},
    {ScalarType::kI16, 2, "ShortStorage", "I16", "int16", 3},
    {ScalarType::kI32, 4, "IntStorage", "I32", "int32", 4},
    {ScalarType::kI64, 8, "LongStorage", "I64", "int64", 5},
    {ScalarType::kF16, 2, "HalfStorage", "F16", "float16", 6},
    {ScalarType::kF32, 4, "FloatStorage", "F32", "float32", 7},
    {ScalarType::kF64, 8, "DoubleStorage", "F64", "float64", 8},
    {ScalarType::kComplexF16, 4, "ComplexHalfStorage", "", "complex32", 9},
    {ScalarType::kComplexF32, 8, "ComplexFloatStorage", "C64", "complex64", 10},
    {ScalarType::kComplexF64, 16, "ComplexDoubleStorage", "", "complex128", 11},
    {ScalarType::kBool, 1, "BoolStorage", "BOOL", "bool", 12},
    {ScalarType::kQI8, 1, "QInt8Storage", "", "qint8", -1},
    {ScalarType::kQU8, 1, "QUInt8Storage", "", "quint8", -1},
    {ScalarType::kQI32, 4, "QInt32Storage", "", "qint32", -1},
    {ScalarType::kBf16, 2, "BFloat16Storage", "BF16", "bfloat16", 13},
    {ScalarType::kF8E5M2, 1, "Float8_e5m2Storage", "F8_E5M2", "float8_e5m2", 30},
    {ScalarType::kF8E4M3, 1, "Float8_e4m3fnStorage", "F8_E4M3", "float8_e4m3fn", 29},
    {ScalarType::kF8E5M2Fnuz, 1, "Float8_e5m2fnuzStorage", "F8_E5M2FNUZ", "float8_e5m2fnuz", 32},
    {ScalarType::kF8E4M3Fnuz, 1, "Float8_e4m3fnuzStorage", "F8_E4M3FNUZ", "float8_e4m3fnuz", 31},
    {ScalarType::kU16, 2, "UInt16Storage", "U16", "uint16", 28},
    {ScalarType::kU32, 4, "UInt32Storage", "U32", "uint32", -1},
    {ScalarType::kU64, 8, "UInt64Storage", "U64", "uint64", -1},
};

template <typename Value>
std::optional<ScalarType> FindBy(Value Names::*member, Value value) {
  for (const Names& names : kTypes) {
    if (names.*member == value) return names.type;
  }
  return std::nullopt;
}

std::optional<ScalarType> FindByName(std::string_view Names::*member, std::string_view name) {
  return name.empty() ? std::nullopt : FindBy(member, name);
}

}  // namespace

uint64_t SizeOf(ScalarType type) {
  for (const Names& names : kTypes) {
    if (names.type == type) return names.size;
  }
  return 0;
}

std::string_view NameOf(ScalarType type) {
  for (const Names& names : kTypes) {
    if (names.type == type) return names.cpp;
  }
  return "unknown";
}

std::optional<ScalarType> FromStorageName(std::string_view name) {
  return FindByName(&Names::storage, name);
}
std::optional<ScalarType> FromSafetensorsName(std::string_view name) {
  return FindByName(&Names::safetensors, name);
}
std::optional<ScalarType> FromCppName(std::string_view name) {
  return FindByName(&Names::cpp, name);
}
std::optional<ScalarType> FromExportNumber(int64_t number) {
  return number < 0 ? std::nullopt : FindBy(&Names::exported, number);
}

}  // namespace raceway::engine::load
