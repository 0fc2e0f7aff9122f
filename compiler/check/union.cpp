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

bool HaveSameColumns(SourceRange where, std::span<const Table> inputs, const StepScope& scope) {
  bool is_fine = true;
  for (size_t i = 1; i < inputs.size(); ++i) {
    const std::string text = Difference(inputs[0], inputs[i], i + 1, scope.builder);
    if (!text.empty()) {
      dsl::Diagnostic& diagnostic = scope.diagnostics.Add(DiagnosticKind::kTypeMismatch, where,
                                                          "the tables of `union` differ: " + text);
      for (const Table& input : {inputs[0], inputs[i]}) {
        diagnostic.notes.push_back(
            {input.made, input.made_by + " gives " + scope.builder.Show(input)});
      }
      is_fine = false;
    } else if (inputs[i].open != inputs[0].open) {
      scope.diagnostics.Add(DiagnosticKind::kTypeMismatch, where,
                            "the tables of `union` differ: only one of them carries `...`");
      is_fine = false;
    }
  }
  return is_fine;
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

std::optional<Table> CheckUnion(SourceRange where, std::span<const Table> inputs,
                                const StepScope& scope) {
  if (inputs.size() < 2) {
    scope.diagnostics.Add(DiagnosticKind::kBadArguments, where, "`union` takes two tables or more");
    return std::nullopt;
  }
  if (!HaveSameColumns(where, inputs, scope)) return std::nullopt;
  Step step;
  step.kind = StepKind::kUnion;
  step.where = where;
  step.label = "union";
  Table table = inputs.front();
  for (TableColumn& column : table.columns) {
    std::vector<std::string> from;
    for (const Table& input : inputs) from.push_back(input.Find(column.name)->id);
    column.id = Merge(column.name, from, where, step, scope.builder);
  }
  // What passes through as `...` is the same in all inputs: it comes from one table.
  std::vector<Port> ports;
  for (const Table& input : inputs) ports.push_back(input.port);
  table.made = where;
  table.made_by = "`union`";
  step.outputs = {table.Ids()};
  table.port = scope.builder.AddStage("union", std::move(ports), std::move(step));
  return table;
}

}  // namespace raceway::compiler
