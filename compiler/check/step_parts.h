#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/check/expressions.h"
#include "compiler/check/steps.h"

/// What the rules of several operators are made of.
namespace raceway::compiler {

ExpressionScope On(const Table& table, const StepScope& scope);

Step MakeStep(StepKind kind, dsl::SourceRange where, std::string label);
/// Appends a stage of one step and makes `table` what leaves it.
void Append(Table& table, Step step, const std::string& name, const StepScope& scope);

/// Reports arguments that the operator cannot take.
void Bad(dsl::SourceRange where, std::string message, std::string help, const StepScope& scope);

/// A positional argument that is an expression, not a pipeline; else null.
const ast::Expr* PlainExpression(const ast::Arg& arg);
/// `x` or `s.x`: the column's name as a table has it.
std::optional<std::string> ColumnName(const ast::Expr& expr);
std::optional<std::string> ColumnName(const ast::Arg& arg);
/// Makes `name` stand for the column `id`, whether it is there already or not.
void SetColumn(Table& table, const std::string& name, const std::string& id);

/// True, and that is reported, if a column is named in quotes.
bool IsQuotedColumn(const dsl::ast::Arg& arg, std::string_view op, const StepScope& scope);

/// Whether it is `name = expression`; what it is instead is reported.
bool IsDefinition(const ast::Arg& arg, std::string_view op, const StepScope& scope);
/// `name = expr`: the column it makes; a plain column only gets a second name.
std::optional<std::string> Define(const ast::Arg& arg, const Table& table, Step& step,
                                  const StepScope& scope);
/// The one condition of `filter` and `split`.
std::optional<engine::Expression> Condition(const ast::Step& step, const Table& input,
                                            const StepScope& scope);
/// Keeps the rows of `input` where `condition` holds, as a stage of its own; they go `way`.
Table Keep(const Table& input, engine::Expression condition, Lineage::Way way,
           dsl::SourceRange where, const std::string& label, const std::string& name,
           const StepScope& scope);

/// A number of rows that is known before it runs, `least` or more: `10`, a parameter, `2 * k`. What
/// is none is reported.
std::optional<int64_t> CountOfRows(const ast::Expr& expr, std::string_view op, int64_t least,
                                   const Table& table, const StepScope& scope);

}  // namespace raceway::compiler
