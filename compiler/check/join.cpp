// The rule of `join`: rows of two tables that belong together, by lineage or by a key.
#include <algorithm>
#include <utility>

#include "compiler/check/step_parts.h"

namespace raceway::compiler {
namespace {

using dsl::DiagnosticKind;
using dsl::SourceRange;

/// The options of `join`: the key's name and whether all were understood.
struct Options {
  std::optional<ast::Name> on;
  bool is_fine = true;
};

void ReadHow(const ast::Arg& arg, Options& options, const StepScope& scope) {
  const ast::Expr& how = arg.value.head;
  const bool is_name = how.kind == ast::Expr::Kind::kName;
  if (is_name && how.text == "inner") return;
  options.is_fine = false;
  if (is_name && (how.text == "left" || how.text == "full")) {
    scope.diagnostics.Add(DiagnosticKind::kNotImplemented, how.range,
                          "`how: " + how.text + "` is not implemented yet");
    return;
  }
  Bad(how.range, "`how` is `inner`, `left` or `full`", "", scope);
}

Options ReadOptions(const std::vector<ast::Arg>& args, const StepScope& scope) {
  Options options;
  for (const ast::Arg& arg : args) {
    if (arg.kind != ast::Arg::Kind::kOption) continue;
    if (arg.key.text == "how") {
      ReadHow(arg, options, scope);
    } else if (arg.key.text != "on") {
      scope.diagnostics
          .Add(DiagnosticKind::kUnknownOption, arg.key.range,
               "`join` has no option `" + arg.key.text + "`")
          .help = "its options are `on` and `how`";
      options.is_fine = false;
    } else if (arg.value.head.kind != ast::Expr::Kind::kName || !arg.value.steps.empty()) {
      Bad(arg.value.range, "`on` takes the name of a column that both tables have", "on: user",
          scope);
      options.is_fine = false;
    } else {
      options.on = ast::Name{arg.value.head.text, arg.value.head.range};
    }
  }
  return options;
}

/// The key of one side; null after a mistake.
const TableColumn* Key(const Table& table, const ast::Name& on, const StepScope& scope) {
  const TableColumn* column = table.Find(on.text);
  if (column == nullptr) {
    ReportUnknownColumn(on.text, on.range, On(table, scope));
    return nullptr;
  }
  const engine::Type& type = scope.builder.TypeOf(column->id);
  if (CanBeKey(type)) return column;
  scope.diagnostics.Add(DiagnosticKind::kTypeMismatch, on.range,
                        "rows are joined by integers, bools or strings, `" + on.text + "` is " +
                            scope.builder.dims.Show(type));
  return nullptr;
}

bool CanJoinByLineage(SourceRange where, const Table& left, const Table& right,
                      const StepScope& scope) {
  const bool are_related = left.lineage.origin() == right.lineage.origin();
  if (are_related && !(left.lineage.is_many() && right.lineage.is_many())) return true;
  dsl::Diagnostic& diagnostic = scope.diagnostics.Add(
      DiagnosticKind::kBadArguments, where,
      are_related ? "both tables may have several rows for one row of the request"
                  : "these tables have no rows in common that they come from");
  diagnostic.notes.push_back({left.made, "one of them is made here"});
  diagnostic.notes.push_back({right.made, "the other here"});
  diagnostic.help = "say which column belongs together: `join(…, on: key)`";
  return false;
}

/// A name that both have must be one column, or nobody could tell which is meant.
bool HaveNoClash(SourceRange where, const Table& left, const Table& right, const ast::Name* key,
                 const StepScope& scope) {
  for (const TableColumn& column : right.columns) {
    const TableColumn* same = left.Find(column.name);
    const bool is_merged =
        key == nullptr ? same != nullptr && same->id == column.id : column.name == key->text;
    if (same == nullptr || is_merged) continue;
    dsl::Diagnostic& diagnostic = scope.diagnostics.Add(
        DiagnosticKind::kColumnClash, where, "both tables have a column `" + column.name + "`");
    diagnostic.notes.push_back({scope.builder.OriginOf(same->id), "one is made here"});
    diagnostic.notes.push_back({scope.builder.OriginOf(column.id), "the other here"});
    diagnostic.help =
        "take one out, `omit(" + column.name + ")`, or give it another name in `select`";
    return false;
  }
  return true;
}

/// By a key the same column may come from both sides, in different rows: what comes from the right
/// is new.
void AddRight(const Table& right, const std::string& key, SourceRange where, Table& table,
              Step& step, PlanBuilder& builder) {
  for (const TableColumn& column : right.columns) {
    if (column.name == key) continue;
    std::string id = builder.NewColumn(column.name, builder.TypeOf(column.id), where);
    step.results.emplace_back(column.id, id);
    table.columns.push_back({column.name, std::move(id)});
  }
}

}  // namespace

std::optional<Table> CheckJoin(SourceRange where, const std::vector<ast::Arg>& args,
                               std::span<const Table> tables, const StepScope& scope) {
  const Options options = ReadOptions(args, scope);
  if (tables.size() != 2) {
    Bad(where, "`join` takes two tables, found " + std::to_string(tables.size()), "", scope);
    return std::nullopt;
  }
  if (!options.is_fine) return std::nullopt;
  const Table& left = tables[0];
  const Table& right = tables[1];
  Step step = MakeStep(StepKind::kJoin, where, "join");
  Table table = left;
  if (options.on) {
    const TableColumn* left_key = Key(left, *options.on, scope);
    const TableColumn* right_key = Key(right, *options.on, scope);
    if (left_key == nullptr || right_key == nullptr) return std::nullopt;
    if (scope.builder.TypeOf(left_key->id) != scope.builder.TypeOf(right_key->id)) {
      scope.diagnostics.Add(DiagnosticKind::kTypeMismatch, options.on->range,
                            "`" + options.on->text + "` is " +
                                ToString(scope.builder.TypeOf(left_key->id)) + " in one table, " +
                                ToString(scope.builder.TypeOf(right_key->id)) + " in the other");
      return std::nullopt;
    }
    if (!HaveNoClash(where, left, right, &*options.on, scope)) return std::nullopt;
    step.arguments = {{"left", left_key->id}, {"right", right_key->id}};
    AddRight(right, options.on->text, where, table, step, scope.builder);
    table.lineage =
        left.lineage.Choose({scope.builder.NewNumber(), true}).Many();  // as many as match
  } else {
    if (!CanJoinByLineage(where, left, right, scope) ||
        !HaveNoClash(where, left, right, nullptr, scope)) {
      return std::nullopt;
    }
    for (const TableColumn& column : right.columns) {
      if (left.Find(column.name) == nullptr) table.columns.push_back(column);
    }
    table.lineage = left.lineage.Join(right.lineage);
  }
  table.is_empty = left.is_empty || right.is_empty;
  table.made = where;
  table.made_by = "`join`";
  step.outputs = {table.Ids()};
  table.port = scope.builder.AddStage("join", {left.port, right.port}, std::move(step));
  return table;
}

}  // namespace raceway::compiler
