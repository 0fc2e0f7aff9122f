// Rules of `groupby` and `agg`: rows with equal keys become one.
#include <algorithm>
#include <utility>

#include "compiler/check/foreign_names.h"
#include "compiler/check/nulls.h"
#include "compiler/check/step_parts.h"
#include "dsl/diagnostic.h"
#include "engine/data/key_type.h"

namespace raceway::compiler {
namespace {

using dsl::DiagnosticKind;
using engine::AggregateContract;
using engine::Type;

/// `cam` or `hour = ts / 3600`: the column to group by. A new one is defined by `derive`.
std::optional<TableColumn> Key(const ast::Arg& arg, const Table& input, Step& derive,
                               const StepScope& scope) {
  TableColumn key;
  if (const std::optional<std::string> name = ColumnName(arg)) {
    const TableColumn* column = input.Find(*name);
    if (column == nullptr) {
      ReportUnknownColumn(*name, arg.range, On(input, scope));
      return std::nullopt;
    }
    key = *column;
  } else if (arg.kind == ast::Arg::Kind::kPositional) {
    if (!IsQuotedColumn(arg, "groupby", scope)) {
      Bad(arg.range, "`groupby` takes columns", "name what is computed: `name = …`", scope);
    }
    return std::nullopt;
  } else {
    if (!IsDefinition(arg, "groupby", scope)) return std::nullopt;
    const std::optional<std::string> id = Define(arg, input, derive, scope);
    if (!id) return std::nullopt;
    key = {arg.key.text, *id};
  }
  const Type& type = scope.builder.TypeOf(key.id);
  if (CanBeKey(type)) return key;
  scope.diagnostics
      .Add(DiagnosticKind::kTypeMismatch, arg.range,
           "rows are grouped by integers, bools, times or strings, this is " +
               scope.builder.dims.Show(type))
      .help = type.optional ? CuresOfNull(key.name)
              : engine::IsFloat(type.dtype) && type.is_scalar()
                  ? "floats that should be equal seldom are: group by `name = i64(…)`"
                  : "";
  return std::nullopt;
}

const AggregateContract* FindAggregate(const ast::Arg& arg, const StepScope& scope) {
  const ast::Expr& call = arg.value.head;
  if (call.kind != ast::Expr::Kind::kCall || call.children.front().kind != ast::Expr::Kind::kName) {
    Bad(call.range, "`agg` takes `name = aggregate(column)`", "n = count(), m = mean(score)",
        scope);
    return nullptr;
  }
  const std::string& name = call.children.front().text;
  const AggregateContract* contract = scope.catalog.FindAggregate(name);
  if (contract != nullptr) return contract;
  std::vector<std::string> known;
  for (const AggregateContract& other : scope.catalog.aggregates()) known.push_back(other.name);
  SuggestOwn(scope.diagnostics.Add(DiagnosticKind::kUnknownName, call.children.front().range,
                                   "no aggregate `" + name + "`"),
             NameKind::kFunction, name, known);
  return nullptr;
}

/// The column that is aggregated; what is computed for it is defined by `derive`.
std::optional<std::string> Aggregated(const ast::Arg& arg, const Table& input, Step& derive,
                                      const StepScope& scope) {
  if (PlainExpression(arg) == nullptr) {
    Bad(arg.range, "an aggregate takes a plain value", "", scope);
    return std::nullopt;
  }
  ast::Arg definition = arg;
  definition.key.text = "of";
  return Define(definition, input, derive, scope);
}

bool IsNew(const ast::Name& name, const Table& table, const StepScope& scope) {
  if (table.Find(name.text) == nullptr) return true;
  scope.diagnostics.Add(DiagnosticKind::kDuplicateName, name.range,
                        "`" + name.text + "` is there already");
  return false;
}

/// `name = aggregate(column)`: adds it to `out`.
bool AddAggregate(const ast::Arg& arg, const Table& input, Step& derive, Step& out,
                  const StepScope& scope) {
  const AggregateContract* contract = FindAggregate(arg, scope);
  if (contract == nullptr) return false;
  const std::vector<ast::Arg>& args = arg.value.head.args;
  if (args.size() != contract->num_args) {
    Bad(arg.value.head.range,
        "`" + contract->name + "` takes " + std::to_string(contract->num_args) +
            (contract->num_args == 1 ? " argument" : " arguments") + ", found " +
            std::to_string(args.size()),
        contract->signature, scope);
    return false;
  }
  engine::Value::Record how = {{"function", contract->name}};
  Type of;
  if (!args.empty()) {
    const std::optional<std::string> column = Aggregated(args.front(), input, derive, scope);
    if (!column) return false;
    of = scope.builder.dims.Resolve(scope.builder.TypeOf(*column));
    out.arguments.emplace_back(arg.key.text, *column);
  }
  if (args.size() == 2) {
    const ast::Expr* expr = PlainExpression(args.back());
    if (expr == nullptr)
      Bad(args.back().range, "a number of rows is plain", contract->signature, scope);
    const std::optional<int64_t> count =
        expr == nullptr ? std::nullopt : CountOfRows(*expr, contract->name, 1, input, scope);
    if (!count) return false;
    how.emplace_back("count", *count);
  }
  const engine::Result<Type> type = contract->result_type(of);
  if (!type.ok()) {
    scope.diagnostics.Add(DiagnosticKind::kTypeMismatch, arg.value.head.range, type.error().message)
        .help = of.optional ? CuresOfNull(args.front().value.head) : contract->signature;
    return false;
  }
  out.results.emplace_back(arg.key.text, scope.builder.NewColumn(arg.key.text, *type, arg.range));
  out.options.emplace_back(arg.key.text, std::move(how));
  return true;
}

/// The rows with what `derive` defines, if it defines anything.
Table WithDerived(Table table, Step derive, const StepScope& scope) {
  if (derive.expressions.empty()) return table;
  // No name for them: only the step that follows reads them.
  for (const engine::NamedExpression& named : derive.expressions) {
    table.passing.push_back({named.name, named.name});
  }
  Append(table, std::move(derive), "derive", scope);
  return table;
}

}  // namespace

std::optional<Table> CheckGroupBy(const ast::Step& step, const Table& input,
                                  const StepScope& scope) {
  if (!CheckForm(step, {}, scope.diagnostics)) return std::nullopt;
  Step derive = MakeStep(StepKind::kDerive, step.range, "groupby");
  Table table = input;
  table.group_keys.emplace();
  bool is_fine = !step.args.empty();
  if (!is_fine) Bad(step.range, "`groupby` takes columns", "groupby(cam)", scope);
  for (const ast::Arg& arg : step.args) {
    const std::optional<TableColumn> key = Key(arg, input, derive, scope);
    is_fine &= key.has_value();
    if (!key) continue;
    const auto& keys = *table.group_keys;
    if (std::find(keys.begin(), keys.end(), key->name) != keys.end()) {
      scope.diagnostics.Add(DiagnosticKind::kDuplicateName, arg.range,
                            "`" + key->name + "` is a key already");
      is_fine = false;
      continue;
    }
    table.group_keys->push_back(key->name);
    SetColumn(table, key->name, key->id);
  }
  if (!is_fine) return std::nullopt;
  table.made = step.range;
  table.made_by = "`groupby`";
  if (!derive.expressions.empty()) Append(table, std::move(derive), "groupby", scope);
  return table;
}

std::optional<Table> CheckAgg(const ast::Step& step, const Table& input, const StepScope& scope) {
  if (!CheckForm(step, {}, scope.diagnostics)) return std::nullopt;
  if (!input.group_keys) {
    Bad(step.path.range, "`agg` comes after `groupby`", "groupby(cam) |> agg(n = count())", scope);
    return std::nullopt;
  }
  Step derive = MakeStep(StepKind::kDerive, step.range, "agg");
  Step out = MakeStep(StepKind::kAgg, step.range, "agg");
  Table table;
  for (const std::string& key : *input.group_keys) {
    table.columns.push_back(*input.Find(key));
    out.arguments.emplace_back("", table.columns.back().id);
  }
  bool is_fine = !step.args.empty();
  if (!is_fine) Bad(step.range, "`agg` takes `name = aggregate(column)`", "n = count()", scope);
  for (const ast::Arg& arg : step.args) {
    if (!IsDefinition(arg, "agg", scope) || !IsNew(arg.key, table, scope) ||
        !AddAggregate(arg, input, derive, out, scope)) {
      is_fine = false;
      continue;
    }
    table.columns.push_back({arg.key.text, out.results.back().second});
  }
  if (!is_fine) return std::nullopt;
  table.is_empty = input.is_empty;
  table.lineage = Lineage(scope.builder.NewNumber());
  table.port = WithDerived(input, std::move(derive), scope).port;
  Append(table, std::move(out), "agg", scope);
  return table;
}

}  // namespace raceway::compiler
