#include "compiler/check/step_parts.h"

#include <utility>

#include "compiler/check/nulls.h"
#include "compiler/rewrite/constant_folding.h"
#include "dsl/print.h"

namespace raceway::compiler {

using dsl::DiagnosticKind;
using dsl::SourceRange;
using engine::DataType;
using engine::Expression;
using engine::Type;

ExpressionScope On(const Table& table, const StepScope& scope) {
  return {table, scope.builder, scope.declarations, scope.catalog, scope.diagnostics};
}

Step MakeStep(StepKind kind, SourceRange where, std::string label) {
  Step step;
  step.kind = kind;
  step.where = where;
  step.label = std::move(label);
  return step;
}

void Append(Table& table, Step step, const std::string& name, const StepScope& scope) {
  table.made = step.where;
  table.made_by = "`" + step.label + "`";
  step.outputs = {table.Ids()};
  table.port = scope.builder.AddStage(name, {table.port}, std::move(step));
}

void Bad(SourceRange where, std::string message, std::string help, const StepScope& scope) {
  scope.diagnostics.Add(DiagnosticKind::kBadArguments, where, std::move(message)).help =
      std::move(help);
}

const ast::Expr* PlainExpression(const ast::Arg& arg) {
  if (arg.kind != ast::Arg::Kind::kPositional || !arg.value.steps.empty() || arg.value.with) {
    return nullptr;
  }
  return &arg.value.head;
}

std::optional<std::string> ColumnName(const ast::Expr& expr) {
  using Kind = ast::Expr::Kind;
  if (expr.kind == Kind::kName) return expr.text;
  if (expr.kind != Kind::kMember || expr.children.front().kind != Kind::kName) return std::nullopt;
  return expr.children.front().text + "." + expr.text;
}

std::optional<std::string> ColumnName(const ast::Arg& arg) {
  const ast::Expr* expr = PlainExpression(arg);
  return expr == nullptr ? std::nullopt : ColumnName(*expr);
}

void SetColumn(Table& table, const std::string& name, const std::string& id) {
  for (TableColumn& column : table.columns) {
    if (column.name == name) return void(column.id = id);
  }
  table.columns.push_back({name, id});
}

std::optional<std::string> Define(const ast::Arg& arg, const Table& table, Step& step,
                                  const StepScope& scope) {
  Expression expression = CheckExpression(arg.value.head, On(table, scope));
  if (expression.type.is_unknown()) return std::nullopt;
  if (expression.kind == Expression::Kind::kColumn) return expression.name;
  std::string id = scope.builder.NewColumn(arg.key.text, expression.type, arg.range);
  step.expressions.push_back({id, std::move(expression)});
  return id;
}

bool IsQuotedColumn(const ast::Arg& arg, std::string_view op, const StepScope& scope) {
  const ast::Expr* plain = PlainExpression(arg);
  if (plain == nullptr || plain->kind != ast::Expr::Kind::kString) return false;
  scope.diagnostics
      .Add(DiagnosticKind::kBadArguments, arg.range,
           "`" + std::string(op) + "` takes columns, this is a text")
      .Fix("columns are named without quotes: `" + plain->text + "`", dsl::SpellName(plain->text));
  return true;
}

bool IsDefinition(const ast::Arg& arg, std::string_view op, const StepScope& scope) {
  if (arg.kind == ast::Arg::Kind::kDefine && arg.value.steps.empty() && !arg.value.with)
    return true;
  if (IsQuotedColumn(arg, op, scope)) return false;
  const std::string name = arg.kind == ast::Arg::Kind::kPositional ? "name" : arg.key.text;
  std::string help = "a new column is written with `=`: `" + name + " = …`";
  dsl::Diagnostic& diagnostic =
      scope.diagnostics.Add(DiagnosticKind::kBadArguments, arg.range,
                            "`" + std::string(op) + "` takes `name = expression`");
  diagnostic.help = std::move(help);
  if (arg.kind == ast::Arg::Kind::kOption) {
    diagnostic.edits = {{{arg.key.range.end, arg.value.head.range.begin}, " = "}};
  }
  return false;
}

std::optional<Expression> Condition(const ast::Step& step, const Table& input,
                                    const StepScope& scope) {
  const ast::Expr* expr = step.args.size() == 1 ? PlainExpression(step.args.front()) : nullptr;
  if (expr == nullptr && step.args.size() == 1 && step.args[0].kind == ast::Arg::Kind::kDefine) {
    // `filter(id = 3)`
    const ast::Arg& arg = step.args.front();
    dsl::Diagnostic& diagnostic = scope.diagnostics.Add(
        DiagnosticKind::kBadArguments, arg.range,
        "`" + step.path.Text() + "` takes a condition, and `=` makes a column");
    diagnostic.help = "to compare, write `==`";
    diagnostic.edits = {{{arg.key.range.end, arg.value.head.range.begin}, " == "}};
    return std::nullopt;
  }
  if (expr == nullptr) {
    Bad(step.range, "`" + step.path.Text() + "` takes one condition",
        step.path.Text() + "(conf >= 0.5)", scope);
    return std::nullopt;
  }
  Expression condition = CheckExpression(*expr, On(input, scope));
  if (condition.type.is_unknown()) return std::nullopt;
  if (condition.type == Type{DataType::kBool, {}, false}) return condition;
  scope.diagnostics
      .Add(DiagnosticKind::kTypeMismatch, expr->range,
           "a condition is bool, this is " + scope.builder.dims.Show(condition.type))
      .help = condition.type.optional ? CuresOfNull(*expr) : "";
  return std::nullopt;
}

Table Keep(const Table& input, Expression condition, Lineage::Way way, SourceRange where,
           const std::string& label, const std::string& name, const StepScope& scope) {
  Table table = input;
  table.lineage = input.lineage.Choose(way);
  Step step = MakeStep(StepKind::kFilter, where, label);
  const std::vector<std::string> known = KnownWhere(condition, true);
  step.expressions.push_back({"where", std::move(condition)});
  Append(table, std::move(step), name, scope);
  Narrow(table, known, scope);
  return table;
}

std::optional<int64_t> CountOfRows(const ast::Expr& expr, std::string_view op, int64_t least,
                                   const Table& table, const StepScope& scope) {
  const Type i64{DataType::kI64};
  const Expression count = Fold(CheckExpression(expr, On(table, scope), &i64));
  if (count.type.is_unknown()) return std::nullopt;
  const bool is_known = count.kind == Expression::Kind::kConstant &&
                        engine::IsInteger(count.type.dtype) && count.constant.AsInt() != nullptr;
  const std::string takes = "`" + std::string(op) + "` takes ";
  if (!is_known) {
    Bad(expr.range, takes + "a whole number of rows that is known before it runs",
        "a number or a parameter, " + std::to_string(least) + " or more", scope);
    return std::nullopt;
  }
  const int64_t number = *count.constant.AsInt();
  if (number < 0 && count.type.dtype == DataType::kU64) return INT64_MAX;  // as good as all
  if (number >= least) return number;
  Bad(expr.range,
      takes + std::to_string(least) + (least == 1 ? " row" : " rows") + " or more, this is " +
          ToString(count.constant),
      "", scope);
  return std::nullopt;
}

}  // namespace raceway::compiler
