#include "compiler/check/nulls.h"

#include <algorithm>
#include <map>
#include <utility>

#include "compiler/check/step_parts.h"
#include "dsl/print.h"

namespace raceway::compiler {
namespace {

using engine::Expression;
using engine::Type;

void Collect(const Expression& condition, bool truth, std::vector<std::string>& known) {
  if (condition.kind != Expression::Kind::kCall) return;
  if (condition.name == "not") return Collect(condition.args[0], !truth, known);
  if (condition.name == (truth ? "and" : "or")) {
    for (const Expression& side : condition.args) Collect(side, truth, known);
    return;
  }
  const bool tells =
      condition.name == "is_null" && !truth && condition.args[0].kind == Expression::Kind::kColumn;
  if (tells) known.push_back(condition.args[0].name);
}

/// Appends a stage that puts `function` of each of these columns in its place. Names of one column
/// stay names of one column.
void Convert(Table& table, const std::vector<std::string>& names, const std::string& function,
             bool optional, dsl::SourceRange where, const StepScope& scope) {
  Step step = MakeStep(StepKind::kDerive, where, function);
  std::map<std::string, std::string> converted;
  for (TableColumn& column : table.columns) {
    if (std::find(names.begin(), names.end(), column.name) == names.end()) continue;
    const Type from = scope.builder.TypeOf(column.id);
    if (from.optional == optional || from.is_unknown()) continue;
    const auto [place, is_new] = converted.try_emplace(column.id);
    if (is_new) {
      Type to = from;
      to.optional = optional;
      place->second = scope.builder.NewColumn(column.name, to, scope.builder.OriginOf(column.id));
      step.expressions.push_back(
          {place->second, Expression::Call(function, {Expression::Column(column.id, from)}, to)});
    }
    column.id = place->second;
  }
  if (step.expressions.empty()) return;
  step.outputs = {table.Ids()};
  table.port = scope.builder.AddStage(function, {table.port}, std::move(step));
}

}  // namespace

std::vector<std::string> KnownWhere(const Expression& condition, bool truth) {
  std::vector<std::string> known;
  Collect(condition, truth, known);
  return known;
}

std::string CuresOfNull(const ast::Expr& value) {
  if (const std::optional<std::string> column = ColumnName(value)) return CuresOfNull(*column);
  return "give it a value: `(" + dsl::PrintExpr(value) + ") ?? …`";
}

std::string CuresOfNull(const std::string& column) {
  return "give it a value, `" + column + " ?? …`, or keep the rows that have one: `filter(" +
         column + " is not null)`";
}

void Narrow(Table& table, const std::vector<std::string>& known, const StepScope& scope) {
  std::vector<std::string> names;
  for (const TableColumn& column : table.columns) {
    if (std::find(known.begin(), known.end(), column.id) != known.end()) {
      names.push_back(column.name);
    }
  }
  Convert(table, names, "value", false, table.made, scope);
}

void MakeOptional(Table& table, const std::vector<std::string>& names, dsl::SourceRange where,
                  const StepScope& scope) {
  Convert(table, names, "optional", true, where, scope);
}

}  // namespace raceway::compiler
