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

bool HaveSameColumns(SourceRange where, std::string_view name, std::span<const Table> inputs,
                     const StepScope& scope) {
  const std::string differ = "the tables of `" + std::string(name) + "` differ";
  bool is_fine = true;
  for (size_t i = 1; i < inputs.size(); ++i) {
    const std::string text = Difference(
        {inputs[0], "table 1"}, {inputs[i], "table " + std::to_string(i + 1)}, scope.builder);
    if (!text.empty()) {
      dsl::Diagnostic& diagnostic =
          scope.diagnostics.Add(DiagnosticKind::kTypeMismatch, where, differ + ": " + text);
      const std::string missing = MissingInOne(inputs[0], inputs[i], scope.builder);
      if (!missing.empty()) diagnostic.help = CuresOfNull(missing);
      for (const Table& input : {inputs[0], inputs[i]}) {
        diagnostic.notes.push_back(
            {input.made, input.made_by + " gives " + scope.builder.Show(input)});
      }
      is_fine = false;
    } else if (inputs[i].open != inputs[0].open) {
      scope.diagnostics.Add(DiagnosticKind::kTypeMismatch, where,
                            differ + ": only one of them carries `...`");
      is_fine = false;
    }
  }
  return is_fine;
}

/// The inputs that may have rows: they say which columns there are.
std::vector<Table> WithRows(std::span<const Table> inputs) {
  std::vector<Table> tables;
  for (const Table& input : inputs) {
    if (!input.is_empty) tables.push_back(input);
  }
  if (tables.empty()) tables.push_back(inputs.front());
  return tables;
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
                                std::span<const Table> inputs, const StepScope& scope) {
  const std::vector<Table> with_rows = WithRows(inputs);
  if (!HaveSameColumns(where, name, with_rows, scope)) return std::nullopt;
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
