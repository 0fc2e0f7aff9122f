#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/check/declarations.h"
#include "engine/data/type.h"

namespace raceway::compiler {

/// What a value of a test is, as far as the text says it. Numbers are integers or floats of any
/// size; which columns they fit is asked where they go into one.
struct ValueType {
  enum class Kind {
    kUnknown,  // poisoned: a mistake was reported already
    kNull,
    kBool,
    kInt,
    kFloat,
    kString,
    kBytes,
    kDuration,
    kTimestamp,
    kTensor,     // `shape` of `element`
    kEmptyList,  // `[]`: no rows, or a tensor without elements
    kRow,        // of `columns`
    kTable,      // of `columns`
  };

  Kind kind = Kind::kUnknown;
  std::vector<int64_t> shape;  // -1 where the text does not say it
  Kind element = Kind::kUnknown;
  std::vector<DeclaredColumn> columns;

  bool is_unknown() const { return kind == Kind::kUnknown; }
  bool is_number() const { return kind == Kind::kInt || kind == Kind::kFloat; }
};

/// "a table (id: i64)", "an integer"
std::string Describe(const ValueType& type);
/// Of the cells of a column.
ValueType ValueTypeOf(const engine::Type& type);
/// What keeps a value from going into a column, or the empty string. `is_shape` tells whether only
/// the shape differs.
std::string MisfitOf(const ValueType& value, const engine::Type& column, bool& is_shape);

/// "an integer", "a table"
std::string_view NameOf(ValueType::Kind kind);
/// Whether two shapes may be the same, as far as they are known.
bool AreAlike(const std::vector<int64_t>& a, const std::vector<int64_t>& b);

/// "(id: i64, image: bytes)"
std::string ColumnsText(const std::vector<DeclaredColumn>& columns);
std::vector<std::string> NamesOf(const std::vector<DeclaredColumn>& columns);
/// Null if there is none.
const DeclaredColumn* FindColumn(const std::vector<DeclaredColumn>& columns, std::string_view name);

}  // namespace raceway::compiler
