// Rows and cells of a test against the columns they go into.
#include <algorithm>
#include <optional>

#include "compiler/testing/values.h"
#include "dsl/print.h"

namespace raceway::compiler {

using dsl::DiagnosticKind;
using ExprKind = ast::Expr::Kind;
using Kind = ValueType::Kind;

bool IsLiteral(const ast::Expr& expr) {
  if (expr.kind == ExprKind::kRecord) return true;
  return expr.kind == ExprKind::kList && !expr.children.empty() &&
         expr.children.front().kind == ExprKind::kRecord;
}

void CheckCell(const ast::Expr& expr, const DeclaredColumn& column, TestScope& scope) {
  const auto report = [&](DiagnosticKind kind, const std::string& what) {
    scope.diagnostics
        .Add(kind, expr.range,
             "`" + column.name + "` " + what + ", wanted " + ToString(column.type))
        .notes.push_back({column.range, "declared here"});
  };
  if (IsLiteral(expr)) return report(DiagnosticKind::kTypeMismatch, "is a row or a table");
  const ValueType value = CheckValue(expr, scope);
  bool is_shape = false;
  const std::string misfit = MisfitOf(value, column.type, is_shape);
  if (!misfit.empty()) {
    return report(is_shape ? DiagnosticKind::kShapeMismatch : DiagnosticKind::kTypeMismatch,
                  misfit);
  }
  const bool is_integer = value.kind == Kind::kInt && engine::IsInteger(column.type.dtype);
  const bool is_timestamp =
      expr.kind == ExprKind::kString && column.type == engine::Type{engine::DataType::kTimestamp};
  if (!is_integer && !is_timestamp) return;
  dsl::Diagnostics ignored;
  const std::optional<engine::Value> literal = ConstantOf(expr, ignored);
  std::string why;
  if (literal && !FitLiteral(*literal, column.type, why)) {
    scope.diagnostics.Add(DiagnosticKind::kBadLiteral, expr.range, why);
  }
}

void CheckRow(const ast::Expr& expr, const std::vector<DeclaredColumn>& columns,
              const std::string& whose, TestScope& scope) {
  if (expr.kind != ExprKind::kRecord) {
    scope.diagnostics.Add(DiagnosticKind::kTypeMismatch, expr.range,
                          "a row is wanted: `{ column: value }`");
    return;
  }
  for (size_t i = 0; i < expr.names.size(); ++i) {
    const ast::Name& name = expr.names[i];
    const auto is_same = [&](const ast::Name& other) { return other.text == name.text; };
    if (std::find_if(expr.names.begin(), expr.names.end(), is_same) !=
        expr.names.begin() + static_cast<int64_t>(i)) {
      scope.diagnostics.Add(DiagnosticKind::kDuplicateName, name.range,
                            "`" + name.text + "` stands here twice");
      continue;
    }
    const DeclaredColumn* column = FindColumn(columns, name.text);
    if (column != nullptr) {
      CheckCell(expr.children[i], *column, scope);
      continue;
    }
    scope.diagnostics
        .Add(DiagnosticKind::kUnknownColumn, name.range,
             whose + " has no column `" + name.text + "`: " + ColumnsText(columns))
        .help = dsl::DidYouMeanText(name.text, NamesOf(columns));
  }
  for (const DeclaredColumn& column : columns) {
    const auto is_it = [&](const ast::Name& name) { return name.text == column.name; };
    const bool may_lack = column.type.optional || column.default_value;
    if (may_lack || std::any_of(expr.names.begin(), expr.names.end(), is_it)) continue;
    // A column with a misspelt name was reported already.
    const bool is_misspelt = std::any_of(
        expr.names.begin(), expr.names.end(),
        [&](const ast::Name& name) { return FindColumn(columns, name.text) == nullptr; });
    if (is_misspelt) continue;
    scope.diagnostics
        .Add(DiagnosticKind::kMissingColumn, expr.range,
             "`" + column.name + ": " + ToString(column.type) + "` is missing: " + whose + " has " +
                 ColumnsText(columns))
        .notes.push_back({column.range, "declared here"});
  }
}

void CheckRows(const ast::Expr& expr, const std::vector<DeclaredColumn>& columns,
               const std::string& whose, TestScope& scope) {
  if (IsCallOf(expr, "rows")) {
    const ast::Expr* path = OnlyArgument(expr, scope);
    if (path != nullptr && path->kind != ExprKind::kString) {
      scope.diagnostics.Add(DiagnosticKind::kBadArguments, path->range,
                            "`rows` takes a path in quotes, relative to the flow");
    }
    return;
  }
  if (expr.kind != ExprKind::kList) {
    scope.diagnostics
        .Add(DiagnosticKind::kTypeMismatch, expr.range, "a list of rows is wanted here")
        .help = "[{ column: value }]  or  rows(\"file.jsonl\")";
    return;
  }
  for (const ast::Expr& row : expr.children) CheckRow(row, columns, whose, scope);
}

const ast::Expr* OnlyArgument(const ast::Expr& call, TestScope& scope) {
  const bool is_plain = call.args.size() == 1 &&
                        call.args.front().kind == ast::Arg::Kind::kPositional &&
                        call.args.front().value.steps.empty() && !call.args.front().value.with;
  if (is_plain) return &call.args.front().value.head;
  scope.diagnostics.Add(DiagnosticKind::kBadArguments, call.range,
                        "`" + dsl::PrintExpr(call.children.front()) + "` takes one argument");
  return nullptr;
}

bool IsCallOf(const ast::Expr& expr, std::string_view name) {
  return expr.kind == ExprKind::kCall && expr.children.front().kind == ExprKind::kName &&
         expr.children.front().text == name;
}

}  // namespace raceway::compiler
