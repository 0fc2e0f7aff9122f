// `union(a, b, …)`: the rows of tables with the same columns.
#include <algorithm>

#include "compiler/check/steps.h"

namespace raceway::compiler {
namespace {

using dsl::DiagnosticKind;
using dsl::SourceRange;

/// What differs between two tables, column by column; empty if nothing.
std::string Difference(const Table& first, const Table& other, size_t number,
                       PlanBuilder& builder) {
  std::string text;
  const auto add = [&](const std::string& line) { text += (text.empty() ? "" : "; ") + line; };
  const std::string input = "table " + std::to_string(number);
  for (const TableColumn& column : first.columns) {
    const TableColumn* same = other.Find(column.name);
    if (same == nullptr) {
      add(input + " has no `" + column.name + "`");
      continue;
    }
    const engine::Type& wanted = builder.TypeOf(column.id);
    const engine::Type& found = builder.TypeOf(same->id);
    if (!UnifyTypes(builder.dims, wanted, found).text.empty()) {
      add("`" + column.name + "` is " + builder.dims.Show(wanted) + " in table 1, " +
          builder.dims.Show(found) + " in " + input);
    }
  }
  for (const TableColumn& column : other.columns) {
    if (first.Find(column.name) == nullptr) add("only " + input + " has `" + column.name + "`");
  }
  return text;
}

bool HaveSameColumns(SourceRange where, std::string_view name, std::span<const Table> inputs,
                     const StepScope& scope) {
  const std::string differ = "the tables of `" + std::string(name) + "` differ";
  bool is_fine = true;
  for (size_t i = 1; i < inputs.size(); ++i) {
    const std::string text = Difference(inputs[0], inputs[i], i + 1, scope.builder);
    if (!text.empty()) {
      dsl::Diagnostic& diagnostic =
          scope.diagnostics.Add(DiagnosticKind::kTypeMismatch, where, differ + ": " + text);
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
  Step step;
  step.kind = StepKind::kDrop;
  step.where = empty.made;
  step.label = "drop";
  Table table = empty;
  table.columns.clear();
  for (const TableColumn& column : like.columns) {
    const std::string id =
        scope.builder.NewColumn(column.name, scope.builder.TypeOf(column.id), empty.made);
    step.results.emplace_back(column.name, id);
    table.columns.push_back({column.name, id});
  }
  step.outputs = {table.Ids()};
  table.port = scope.builder.AddStage("drop", {table.port}, std::move(step));
  return table;
}

/// One column of the result: the same in all inputs, or made of one of each.
std::string Merge(const std::string& name, const std::vector<std::string>& from, SourceRange where,
                  Step& step, PlanBuilder& builder) {
  const auto is_first = [&](const std::string& id) { return id == from.front(); };
  if (std::all_of(from.begin(), from.end(), is_first)) return from.front();
  // A type the inputs agree on; a symbol stays one.
  std::string id = builder.NewColumn(name, builder.TypeOf(from.front()), where);
  step.sources.emplace_back(id, from);
  return id;
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
  for (TableColumn& column : table.columns) {
    std::vector<std::string> from;
    from.reserve(tables.size());
    for (const Table& input : tables) from.push_back(input.Find(column.name)->id);
    column.id = Merge(column.name, from, where, step, scope.builder);
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
