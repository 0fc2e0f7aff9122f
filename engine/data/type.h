#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace raceway::engine {

enum class DataType {
  kUnknown,  // poisoned: a mistake was reported already
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
  kString,
  kBytes,
  kTimestamp,
  kDuration,
};

std::string_view NameOf(DataType type);                      // "f32"
std::optional<DataType> DataTypeFromName(std::string_view);  // of "f32"
/// Every name a flow may write, in the order of the enumeration.
const std::vector<std::string>& DataTypeNames();

bool IsInteger(DataType type);
bool IsFloat(DataType type);
inline bool IsNumber(DataType type) { return IsInteger(type) || IsFloat(type); }
/// The smallest and the largest value of an integer type, as far as an i64 holds them; 0 and 1 for
/// bool.
std::pair<int64_t, int64_t> IntegerRange(DataType type);
inline bool IsText(DataType type) { return type == DataType::kString || type == DataType::kBytes; }

/// One dimension of one row: a size, or a symbol that may differ from row to row.
struct Dim {
  int64_t size = -1;   // ≥ 0, or -1 where `symbol` names it
  std::string symbol;  // "H"; "_" is any size

  static Dim Size(int64_t size) { return {size, {}}; }
  static Dim Symbol(std::string name) { return {-1, std::move(name)}; }
  bool is_size() const { return size >= 0; }
  friend bool operator==(const Dim&, const Dim&) = default;
};

/// The type of a column: what each of its rows is. The batch dimension is never part of it.
struct Type {
  DataType dtype = DataType::kUnknown;
  std::vector<Dim> shape = {};  // empty for a scalar
  bool optional = false;

  bool is_unknown() const { return dtype == DataType::kUnknown; }
  bool is_scalar() const { return shape.empty(); }
  /// Whether every dimension is a size, so that the rows of a batch lie in one tensor.
  bool is_fixed() const;
  friend bool operator==(const Type&, const Type&) = default;
};

/// "u8[H, W, 3]?"
std::string ToString(const Dim& dim);
std::string ToString(const Type& type);
/// The reverse of `ToString`.
std::optional<Type> TypeFromString(std::string_view text);

}  // namespace raceway::engine
