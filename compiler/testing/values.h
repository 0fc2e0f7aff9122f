#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "compiler/check/declarations.h"
#include "dsl/ast.h"
#include "dsl/diagnostic.h"
#include "engine/data/type.h"

/// The values of a test and their types: literals, rows, tables, what `zeros` and `count` make.
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

/// What a test can name at some place.
struct TestScope {
  const Declarations& declarations;
  std::map<std::string, ValueType> tables;  // given and made so far; unknown: had a mistake
  std::map<std::string, bool> runs;  // the tables that flows made → whether `error` is asked
  dsl::Diagnostics& diagnostics;
};

/// Types a value. After a mistake (reported) the type is unknown.
ValueType CheckValue(const ast::Expr& expr, TestScope& scope);
/// Checks a value that goes into a column of `type`; `column` is its name.
void CheckCell(const ast::Expr& expr, const DeclaredColumn& column, TestScope& scope);
/// Checks a row that is to have `columns`; `whose` they are ("`small` gives"), for messages.
void CheckRow(const ast::Expr& expr, const std::vector<DeclaredColumn>& columns,
              const std::string& whose, TestScope& scope);
/// Checks a list of rows, or `rows("x.jsonl")`, likewise.
void CheckRows(const ast::Expr& expr, const std::vector<DeclaredColumn>& columns,
               const std::string& whose, TestScope& scope);
/// The one plain argument of a call `name(x)`; null (and reported) if there is another number.
const ast::Expr* OnlyArgument(const ast::Expr& call, TestScope& scope);
/// Whether `expr` is a call of `name`.
bool IsCallOf(const ast::Expr& expr, std::string_view name);

}  // namespace raceway::compiler
