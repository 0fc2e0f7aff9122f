#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/check/declarations.h"
#include "compiler/testing/value_type.h"
#include "dsl/ast.h"
#include "dsl/diagnostic.h"

/// The values of a test: literals, rows, tables, what `zeros` and `count` make.
namespace raceway::compiler {

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
/// A row or table as written: it gets its types from what it is compared with.
bool IsLiteral(const ast::Expr& expr);
/// Whether `expr` is a call of `name`.
bool IsCallOf(const ast::Expr& expr, std::string_view name);

}  // namespace raceway::compiler
