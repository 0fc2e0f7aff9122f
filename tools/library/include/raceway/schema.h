#pragma once

#include <raceway/export.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace raceway {
inline namespace v0 {

enum class DataType {
  kBool,
  kI8,
  kI16,
  kI32,
  kI64,
  kU8,
  kU16,
  kU32,
  kU64,
  kF16,
  kBf16,
  kF32,
  kF64,
  kString,  // UTF-8
  kBytes,
  kTimestamp,  // i64 nanoseconds since 1970-01-01T00:00:00Z
  kDuration,   // i64 nanoseconds
};

/// "f32", as a flow writes it.
RACEWAY_API std::string_view NameOf(DataType type);

/// A column as a flow declares it. What is said is about one row: the batch dimension is no part.
struct Field {
  std::string name;
  DataType dtype = DataType::kBool;
  std::vector<int64_t> shape;  // of a row, empty for a scalar; -1 for a size that rows decide
  bool optional = false;       // rows may have no value
  bool has_default = false;    // of a table that a flow takes: the column may be left out
  std::string type;            // the whole as a flow writes it: "u8[H, W, 3]?"
};

using Schema = std::vector<Field>;

/// "(id: i64, image: bytes)"
RACEWAY_API std::string ToString(const Schema& schema);

/// A table that a flow takes or gives.
struct TableSpec {
  std::string name;  // of a flow's only result it may be empty
  Schema schema;
};

}  // namespace v0
}  // namespace raceway
