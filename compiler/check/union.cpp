// `union(a, b, …)`: the rows of tables with the same columns.
#include "compiler/check/nulls.h"
#include "compiler/check/same_columns.h"
#include "compiler/check/steps.h"

namespace raceway::compiler {
namespace {

using dsl::DiagnosticKind;
using dsl::SourceRange;

/// A column that may be null in one of the tables only; empty if there is none.
std::string MissingInOne(const Table& first, const Table& other, const PlanBuilder& builder) {
  for (const TableColumn& column : first.columns) {
    const TableColumn* same = other.Find(column.name);
    if (same == nullptr) continue;
    const engine::Type& a = builder.TypeOf(column.id);
    const engine::Type& b = builder.TypeOf(same->id);
    if (a.dtype == b.dtype && a.optional != b.optional) return column.name;
  }
  return "";
}

/// The tables with what messages call them, or the branches of `route`.
struct Inputs {
  std::vector<Table> tables;
  std::vector<std::string> names;
  std::string differ;  // "the tables of `union` differ"
  bool are_branches;

  NamedTable operator[](size_t i) const { return {tables[i], names[i]}; }
};

Inputs NamesOf(std::string_view step, std::span<const Table> tables,
               std::span<const std::string> branches) {
  const bool are_branches = !branches.empty();
  Inputs inputs{{}, {}, "", are_branches};
  inputs.differ = std::string(are_branches ? "the branches" : "the tables") + " of `" +
                  std::string(step) + "` differ";
  // Those that may have rows say which columns there are.
  for (size_t i = 0; i < tables.size(); ++i) {
    if (tables[i].is_empty) continue;
    inputs.tables.push_back(tables[i]);
    inputs.names.push_back(are_branches ? branches[i] : "table " + std::to_string(i + 1));
  }
  if (inputs.tables.empty()) inputs.tables.push_back(tables.front());
  inputs.names.resize(inputs.tables.size());
  return inputs;
}

bool HaveSameColumns(SourceRange where, const Inputs& inputs, const StepScope& scope) {
  const std::vector<Table>& tables = inputs.tables;
  bool is_fine = true;
  for (size_t i = 1; i < tables.size(); ++i) {
    std::string text = Difference(inputs[0], inputs[i], scope.builder);
    const bool differ = !text.empty();
    if (!differ && tables[i].open != tables[0].open) text = "only one of them carries `...`";
    if (text.empty()) continue;
    is_fine = false;
    dsl::Diagnostic& diagnostic = scope.diagnostics.Add(
        DiagnosticKind::kTypeMismatch, inputs.are_branches ? tables[i].made : where,
        inputs.differ + ": " + text);
    if (!differ) continue;
    diagnostic.help = CureOfDifference(inputs[0], inputs[i]);
    const std::string missing = MissingInOne(tables[0], tables[i], scope.builder);
    if (!missing.empty()) diagnostic.help = CuresOfNull(missing);
    for (const Table& table : {tables[0], tables[i]}) {
      diagnostic.notes.push_back(
          {table.made, table.made_by + " gives " + scope.builder.Show(table)});
    }
  }
  return is_fine;
}

/// A table without rows, as one with the columns of `like`.
Table Conform(const Table& empty, const Table& like, const StepScope& scope) {
  Table table = empty;
  Step step = NoRowsLike(table, like, scope.builder);
  table.port = scope.builder.AddStage("drop", {table.port}, std::move(step));
  return table;
}

}  // namespace

std::optional<Table> CheckUnion(SourceRange where, std::string_view name,
                                std::span<const Table> inputs, const StepScope& scope,
                                std::span<const std::string> branches) {
  const Inputs named = NamesOf(name, inputs, branches);
  if (!HaveSameColumns(where, named, scope)) return std::nullopt;
  const std::vector<Table>& with_rows = named.tables;
  std::vector<Table> tables;
  for (const Table& input : inputs) {
    const bool is_odd = input.is_empty && with_rows.front().port != input.port;
    tables.push_back(is_odd ? Conform(input, with_rows.front(), scope) : input);
  }
  Step step;
  step.kind = StepKind::kUnion;
  step.where = where;
  step.label = name;
  Table table = with_rows.front();
  JoinedDims join(scope.builder.dims);
  for (TableColumn& column : table.columns) {
    std::vector<std::string> from;
    from.reserve(tables.size());
    for (const Table& input : tables) from.push_back(input.Find(column.name)->id);
    column.id = MergeColumn(column.name, from, where, join, step, scope.builder);
  }
  // What passes through as `...` is the same in all inputs: it comes from one table.
  std::vector<Port> ports;
  ports.reserve(tables.size());
  for (const Table& input : tables) ports.push_back(input.port);
  table.lineage = tables.front().lineage;
  for (size_t i = 1; i < tables.size(); ++i) {
    const bool are_related = tables[i].lineage.origin() == table.lineage.origin();
    table.lineage = are_related ? table.lineage.Union(tables[i].lineage)
                                : Lineage(scope.builder.NewNumber()).Many();
  }
  table.made = where;
  table.made_by = "`" + step.label + "`";
  step.outputs = {table.Ids()};
  table.port = scope.builder.AddStage(std::string(name), std::move(ports), std::move(step));
  return table;
}

}  // namespace raceway::compiler
