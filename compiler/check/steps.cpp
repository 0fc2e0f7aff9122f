#include "compiler/check/steps.h"

#include <algorithm>
#include <utility>

#include "compiler/check/expressions.h"
#include "compiler/check/step_parts.h"

namespace raceway::compiler {
namespace {

using dsl::DiagnosticKind;
using engine::Expression;
using engine::Type;

/// Whether the expression names a column of `table` that `step` defines.
bool Reads(const ast::Expr& expr, const Step& step, const Table& table) {
  if (const std::optional<std::string> name = ColumnName(expr)) {
    const TableColumn* column = table.Find(*name);
    return column != nullptr &&
           std::any_of(step.expressions.begin(), step.expressions.end(),
                       [&](const engine::NamedExpression& e) { return e.name == column->id; });
  }
  const auto reads = [&](const ast::Expr& child) { return Reads(child, step, table); };
  return std::any_of(expr.children.begin(), expr.children.end(), reads) ||
         std::any_of(expr.args.begin(), expr.args.end(),
                     [&](const ast::Arg& arg) { return reads(arg.value.head); });
}

}  // namespace

const std::vector<std::string>& CoreOperators() {
  static const std::vector<std::string> kNames = {
      "map",  "select", "derive",  "omit",    "filter", "split", "route", "union", "join",
      "sort", "limit",  "explode", "groupby", "agg",    "fail",  "drop",  "anyof", "lookup"};
  return kNames;
}

const std::vector<std::string>& LaterOperators() {
  static const std::vector<std::string> kNames = {"window", "sample", "stream", "shed"};
  return kNames;
}

bool CheckForm(const ast::Step& step, Allowed allowed, dsl::Diagnostics& diagnostics) {
  const std::string name = "`" + step.path.Text() + "`";
  if (!step.branches.empty() && !allowed.branches) {
    diagnostics.Add(DiagnosticKind::kBadArguments, step.branches.front().range,
                    name + " has no branches");
    return false;
  }
  if (step.as && !allowed.as) {
    diagnostics.Add(DiagnosticKind::kBadArguments, step.as->range,
                    "`as` goes with `map` and `lookup`, not with " + name);
    return false;
  }
  if (step.has_args && !step.args.empty() && !allowed.arguments) {
    diagnostics.Add(DiagnosticKind::kBadArguments, step.args.front().range,
                    name + " takes no arguments here");
    return false;
  }
  return true;
}

std::optional<Table> CheckSelect(const ast::Step& step, const Table& input,
                                 const StepScope& scope) {
  if (!CheckForm(step, {}, scope.diagnostics)) return std::nullopt;
  Step out = MakeStep(StepKind::kSelect, step.range, "select");
  Table table = input;
  table.columns.clear();
  table.passing.clear();
  table.open.reset();
  bool is_fine = !step.args.empty();
  if (!is_fine) Bad(step.range, "`select` takes columns", "select(id, label)", scope);
  for (const ast::Arg& arg : step.args) {
    std::string name;
    std::optional<std::string> id;
    if (const std::optional<std::string> column = ColumnName(arg)) {
      name = *column;
      const Expression expression = CheckExpression(arg.value.head, On(input, scope));
      if (expression.kind == Expression::Kind::kColumn) {
        id = expression.name;
      } else if (!expression.type.is_unknown()) {
        Bad(arg.range, "`" + name + "` is a parameter, not a column",
            "give it a name: `select(" + name + " = " + name + ")`", scope);
      }
    } else if (arg.kind == ast::Arg::Kind::kPositional) {
      if (!IsQuotedColumn(arg, "select", scope)) {
        Bad(arg.range, "`select` takes columns", "name what is computed: `name = …`", scope);
      }
    } else if (IsDefinition(arg, "select", scope)) {
      name = arg.key.text;
      id = Define(arg, input, out, scope);
    }
    is_fine &= id.has_value();
    if (!id) continue;
    if (table.Find(name) != nullptr) {
      scope.diagnostics.Add(DiagnosticKind::kDuplicateName, arg.range,
                            "`" + name + "` is selected twice");
      is_fine = false;
    }
    table.columns.push_back({name, *id});
  }
  if (!is_fine) return std::nullopt;
  Append(table, std::move(out), "select", scope);
  return table;
}

std::optional<Table> CheckDerive(const ast::Step& step, const Table& input,
                                 const StepScope& scope) {
  if (!CheckForm(step, {}, scope.diagnostics)) return std::nullopt;
  Step out = MakeStep(StepKind::kDerive, step.range, "derive");
  Table table = input;
  bool is_fine = !step.args.empty();
  if (!is_fine) Bad(step.range, "`derive` takes columns to add", "derive(top = argmax(p))", scope);
  for (const ast::Arg& arg : step.args) {
    // Later columns may use earlier ones: a stage's expressions see only what came in, so the
    // later ones go into a stage of their own.
    if (is_fine && Reads(arg.value.head, out, table)) {
      Append(table, std::exchange(out, MakeStep(StepKind::kDerive, step.range, "derive")), "derive",
             scope);
    }
    const std::optional<std::string> id =
        IsDefinition(arg, "derive", scope) ? Define(arg, table, out, scope) : std::nullopt;
    is_fine &= id.has_value();
    // After a mistake the column is there, of no type: what reads it has no mistake of its own.
    SetColumn(table, arg.key.text, id ? *id : scope.builder.NewColumn(arg.key.text, {}, arg.range));
    table.made = {step.range.begin, arg.range.end};  // for what the next one says of its columns
    table.made_by = "`derive`";
  }
  if (!is_fine) return std::nullopt;
  if (out.expressions.empty()) {  // only second names: no stage
    table.made = step.range;
    table.made_by = "`derive`";
    return table;
  }
  Append(table, std::move(out), "derive", scope);
  return table;
}

std::optional<Table> CheckOmit(const ast::Step& step, const Table& input, const StepScope& scope) {
  if (!CheckForm(step, {}, scope.diagnostics)) return std::nullopt;
  Table table = input;
  bool is_fine = !step.args.empty();
  if (!is_fine) Bad(step.range, "`omit` takes columns", "omit(px)", scope);
  for (const ast::Arg& arg : step.args) {
    const std::optional<std::string> name = ColumnName(arg);
    if (!name) {
      Bad(arg.range, "`omit` takes names of columns", "", scope);
      is_fine = false;
    } else if (input.Find(*name) == nullptr) {
      ReportUnknownColumn(*name, arg.range, On(input, scope));
      is_fine = false;
    } else {
      std::erase_if(table.columns, [&](const TableColumn& c) { return c.name == *name; });
    }
  }
  if (is_fine && table.columns.empty() && table.passing.empty() && !table.open) {
    Bad(step.range, "`omit` leaves no column: a table has at least one",
        "to make others, write `select(n = …)`", scope);
    return std::nullopt;
  }
  if (!is_fine) return std::nullopt;
  Append(table, MakeStep(StepKind::kOmit, step.range, "omit"), "omit", scope);
  return table;
}

std::optional<Table> CheckFilter(const ast::Step& step, const Table& input,
                                 const StepScope& scope) {
  if (!CheckForm(step, {}, scope.diagnostics)) return std::nullopt;
  std::optional<Expression> condition = Condition(step, input, scope);
  if (!condition) return std::nullopt;
  return Keep(input, *std::move(condition), {scope.builder.NewNumber(), true}, step.range, "filter",
              "filter", scope);
}

std::optional<std::vector<Table>> CheckSplit(const ast::Step& step, const Table& input,
                                             const StepScope& scope) {
  if (!CheckForm(step, {}, scope.diagnostics)) return std::nullopt;
  std::optional<Expression> condition = Condition(step, input, scope);
  if (!condition) return std::nullopt;
  const Type type = condition->type;
  Expression otherwise = Expression::Call("not", {*condition}, type);
  const int choice = scope.builder.NewNumber();
  Table holds =
      Keep(input, *std::move(condition), {choice, true}, step.range, "split", "split", scope);
  Table rest =
      Keep(input, std::move(otherwise), {choice, false}, step.range, "split", "split.else", scope);
  return std::vector<Table>{std::move(holds), std::move(rest)};
}

}  // namespace raceway::compiler
