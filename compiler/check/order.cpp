// Rules of the operators that choose rows by place: `sort`, `limit`, `explode`, and those that let
// none go on: `fail`, `drop`.
#include <utility>

#include "compiler/check/nulls.h"
#include "compiler/check/step_parts.h"
#include "engine/data/time_text.h"

namespace raceway::compiler {
namespace {

using dsl::DiagnosticKind;
using engine::DataType;
using engine::Expression;
using engine::Type;

/// `x` or `descending: x`: one key of `sort`.
bool AddSortKey(const ast::Arg& arg, const Table& input, Step& out, const StepScope& scope) {
  const bool is_descending = arg.kind == ast::Arg::Kind::kOption && arg.key.text == "descending";
  if (arg.kind == ast::Arg::Kind::kOption && !is_descending) {
    scope.diagnostics
        .Add(DiagnosticKind::kUnknownOption, arg.key.range,
             "`sort` has no option `" + arg.key.text + "`")
        .help = "the greatest first is `descending: x`, the smallest first plain `x`";
    return false;
  }
  if (arg.kind == ast::Arg::Kind::kDefine || !arg.value.steps.empty() || arg.value.with) {
    Bad(arg.range, "`sort` takes what to sort by", "sort(cam, descending: score)", scope);
    return false;
  }
  if (IsQuotedColumn(arg, "sort", scope)) return false;
  Expression key = CheckExpression(arg.value.head, On(input, scope));
  if (key.type.is_unknown()) return false;
  if (key.kind == Expression::Kind::kConstant) {
    Bad(arg.range, "rows are sorted by columns, this is the same for all",
        "the greatest first is `descending: x`, the smallest first plain `x`", scope);
    return false;
  }
  const Type& type = key.type;
  const bool has_order = engine::IsNumber(type.dtype) || engine::IsTime(type.dtype) ||
                         type.dtype == DataType::kString || type.dtype == DataType::kBool;
  if (!type.is_scalar() || !has_order || type.optional) {
    scope.diagnostics
        .Add(DiagnosticKind::kTypeMismatch, arg.value.head.range,
             "rows are sorted by numbers, times, strings or bools, this is " +
                 scope.builder.dims.Show(type))
        .help = type.optional ? CuresOfNull(arg.value.head) : "";
    return false;
  }
  out.expressions.push_back({is_descending ? "descending" : "ascending", std::move(key)});
  return true;
}

/// The type of one row after the first dimension became rows.
std::optional<Type> ElementType(const Type& type, const ast::Arg& arg, const StepScope& scope) {
  if (type.is_scalar() || type.optional) {
    scope.diagnostics
        .Add(DiagnosticKind::kTypeMismatch, arg.range,
             "`explode` makes rows of a first dimension, this is " + scope.builder.dims.Show(type))
        .help = type.optional ? CuresOfNull(arg.value.head) : "";
    return std::nullopt;
  }
  Type element = type;
  element.shape.erase(element.shape.begin());
  return element;
}

/// All columns that are exploded together have the same number of elements in a row.
bool HaveOneLength(const Step& out, const ast::Arg& arg, const Type& type, const StepScope& scope) {
  const std::string& first = out.arguments.front().second;
  const engine::Dim wanted = scope.builder.TypeOf(first).shape.front();
  if (scope.builder.dims.Unify(wanted, type.shape.front())) return true;
  scope.diagnostics.Add(DiagnosticKind::kShapeMismatch, arg.range,
                        "`explode` wants one length: `" + out.arguments.front().first + "` has " +
                            scope.builder.dims.Show(wanted) + ", this has " +
                            scope.builder.dims.Show(type.shape.front()));
  return false;
}

bool TakesNoArguments(const ast::Step& step, const StepScope& scope) {
  if (step.args.empty()) return true;
  Bad(step.path.range, "`" + step.path.Text() + "` takes no arguments",
      step.path.Text() == "drop" ? "it leaves out the rows that come; columns go by `omit(…)`" : "",
      scope);
  return false;
}

}  // namespace

std::optional<Table> CheckSort(const ast::Step& step, const Table& input, const StepScope& scope) {
  if (!CheckForm(step, {}, scope.diagnostics)) return std::nullopt;
  Step out = MakeStep(StepKind::kSort, step.range, "sort");
  bool is_fine = !step.args.empty();
  if (!is_fine) {
    Bad(step.range, "`sort` takes what to sort by", "sort(cam, descending: score)", scope);
  }
  for (const ast::Arg& arg : step.args) is_fine &= AddSortKey(arg, input, out, scope);
  if (!is_fine) return std::nullopt;
  Table table = input;
  Append(table, std::move(out), "sort", scope);
  return table;
}

std::optional<Table> CheckLimit(const ast::Step& step, const Table& input, const StepScope& scope) {
  if (!CheckForm(step, {}, scope.diagnostics)) return std::nullopt;
  const ast::Expr* expr = step.args.size() == 1 ? PlainExpression(step.args.front()) : nullptr;
  if (expr == nullptr) {
    Bad(step.range, "`limit` takes one number of rows", "limit(10)", scope);
    return std::nullopt;
  }
  const std::optional<int64_t> count = CountOfRows(*expr, "limit", 0, input, scope);
  if (!count) return std::nullopt;
  Step out = MakeStep(StepKind::kLimit, step.range, "limit");
  out.options.emplace_back("count", *count);
  Table table = input;
  table.lineage = input.lineage.Choose({scope.builder.NewNumber(), true});
  Append(table, std::move(out), "limit", scope);
  return table;
}

std::optional<Table> CheckExplode(const ast::Step& step, const Table& input,
                                  const StepScope& scope) {
  if (!CheckForm(step, {}, scope.diagnostics)) return std::nullopt;
  Step out = MakeStep(StepKind::kExplode, step.range, "explode");
  Table table = input;
  bool is_fine = !step.args.empty();
  if (!is_fine) Bad(step.range, "`explode` takes columns", "explode(box, score)", scope);
  for (const ast::Arg& arg : step.args) {
    const std::optional<std::string> name = ColumnName(arg);
    if (!name) Bad(arg.range, "`explode` takes names of columns", "", scope);
    const TableColumn* column = name ? input.Find(*name) : nullptr;
    if (name && column == nullptr) ReportUnknownColumn(*name, arg.range, On(input, scope));
    if (column == nullptr) {
      is_fine = false;
      continue;
    }
    const Type type = scope.builder.dims.Resolve(scope.builder.TypeOf(column->id));
    const std::optional<Type> element = ElementType(type, arg, scope);
    is_fine &= element.has_value();
    if (!element) continue;
    out.arguments.emplace_back(*name, column->id);
    is_fine &= HaveOneLength(out, arg, type, scope);
    out.results.emplace_back(*name, scope.builder.NewColumn(*name, *element, arg.range));
    SetColumn(table, *name, out.results.back().second);
  }
  if (!is_fine) return std::nullopt;
  table.lineage = input.lineage.Many();
  Append(table, std::move(out), "explode", scope);
  return table;
}

std::optional<Table> CheckFail(const ast::Step& step, const Table& input, const StepScope& scope) {
  if (!CheckForm(step, {}, scope.diagnostics)) return std::nullopt;
  const ast::Expr* expr = step.args.size() == 1 ? PlainExpression(step.args.front()) : nullptr;
  if (expr == nullptr) {
    Bad(step.range, "`fail` takes one message", "fail(f\"no model for {lang}\")", scope);
    return std::nullopt;
  }
  Expression message = CheckExpression(*expr, On(input, scope));
  if (message.type.is_unknown()) return std::nullopt;
  if (message.type != Type{DataType::kString, {}, false}) {
    scope.diagnostics
        .Add(DiagnosticKind::kTypeMismatch, expr->range,
             "a message is a string, this is " + scope.builder.dims.Show(message.type))
        .help = message.type.optional ? CuresOfNull(*expr) : "";
    return std::nullopt;
  }
  Step out = MakeStep(StepKind::kFail, step.range, "fail");
  out.expressions.push_back({"message", std::move(message)});
  Table table = input;
  table.is_empty = true;
  Append(table, std::move(out), "fail", scope);
  return table;
}

std::optional<Table> CheckDrop(const ast::Step& step, const Table& input, const StepScope& scope) {
  if (!CheckForm(step, {}, scope.diagnostics) || !TakesNoArguments(step, scope)) {
    return std::nullopt;
  }
  Table table = input;
  table.is_empty = true;
  table.lineage = input.lineage.None();
  Append(table, MakeStep(StepKind::kDrop, step.range, "drop"), "drop", scope);
  return table;
}

}  // namespace raceway::compiler
