#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace raceway::engine::load {

/// Types of elements, with the numbers of `c10::ScalarType`, so that one becomes the other by a
/// cast.
enum class ScalarType : int8_t {
  kU8 = 0,
  kI8 = 1,
  kI16 = 2,
  kI32 = 3,
  kI64 = 4,
  kF16 = 5,
  kF32 = 6,
  kF64 = 7,
  kComplexF16 = 8,
  kComplexF32 = 9,
  kComplexF64 = 10,
  kBool = 11,
  kQI8 = 12,
  kQU8 = 13,
  kQI32 = 14,
  kBf16 = 15,
  kF8E5M2 = 23,
  kF8E4M3 = 24,
  kF8E5M2Fnuz = 25,
  kF8E4M3Fnuz = 26,
  kU16 = 27,
  kU32 = 28,
  kU64 = 29,
};

/// In bytes.
uint64_t SizeOf(ScalarType type);

/// "float32"
std::string_view NameOf(ScalarType type);

/// What archives call them; nothing for a name that we do not know.
std::optional<ScalarType> FromStorageName(std::string_view name);      // "FloatStorage"
std::optional<ScalarType> FromSafetensorsName(std::string_view name);  // "BF16"
std::optional<ScalarType> FromCppName(std::string_view name);          // "float32"
/// Of the schema of `torch.export`: 7 is f32.
std::optional<ScalarType> FromExportNumber(int64_t number);

}  // namespace raceway::engine::load
