#include "compiler/check/flow_signature.h"

#include <algorithm>

#include "compiler/check/nulls.h"
#include "compiler/check/size_checks.h"

namespace raceway::compiler {
namespace {

using dsl::DiagnosticKind;
using dsl::SourceRange;

std::string HowToReturn(const std::vector<std::string>& names) {
  std::string text = "return ";
  for (const std::string& name : names)
    text += (&name == &names.front() ? "" : ", ") + name + ": …";
  return text;
}

/// Whether a value is promised where there may be none.
bool IsMissing(const DeclaredColumn& wanted, const TableColumn& found, const PlanBuilder& builder) {
  return builder.TypeOf(found.id).optional && !wanted.type.optional;
}

/// Whether a column of the rows is a tensor of any rank.
bool HasAnyRank(const RowType& rows) {
  return std::any_of(rows.columns.begin(), rows.columns.end(), [](const DeclaredColumn& column) {
    return !column.type.shape.empty() && IsAnyRank(column.type.shape.front());
  });
}

}  // namespace

bool CheckOpenTables(const FlowInfo& flow, dsl::Diagnostics& diagnostics) {
  const auto is_open = [](const FlowParam& param) { return param.rows.is_open(); };
  const auto count = std::count_if(flow.params.begin(), flow.params.end(), is_open);
  if (count > 1) {
    diagnostics
        .Add(DiagnosticKind::kTypeMismatch, flow.decl->signature.range,
             "one table of a flow can have `...`, here are " + std::to_string(count))
        .help = "what passes as `...` of a result would not be told apart: name the columns";
    return false;
  }
  for (const FlowResult& result : flow.results) {
    if (count > 0 || !result.rows.is_open()) continue;
    diagnostics.Add(DiagnosticKind::kTypeMismatch, result.rows.range,
                    "`...` stands in the result but in no parameter");
    return false;
  }
  return true;
}

bool CanRunItself(const FlowInfo& flow, dsl::Diagnostics& diagnostics) {
  for (const FlowParam& param : flow.params) {
    if (!param.rows.is_open() && !HasAnyRank(param.rows)) continue;
    diagnostics.Add(DiagnosticKind::kTypeMismatch,
                    param.rows.is_open() ? flow.decl->signature.range : param.rows.range,
                    param.rows.is_open()
                        ? "a flow with `...` can be applied by others, not run itself"
                        : "a flow of tensors of any rank can be applied by others, not run itself");
    return false;
  }
  return true;
}

Table ExtraColumns(const RowType& rows, const Table& table) {
  Table extra;
  extra.passing = table.passing;
  extra.open = table.open;
  for (const TableColumn& column : table.columns) {
    const auto is_own = [&](const DeclaredColumn& own) { return own.name == column.name; };
    if (std::none_of(rows.columns.begin(), rows.columns.end(), is_own)) {
      extra.columns.push_back(column);
    }
  }
  return extra;
}

std::optional<Table> FitArgument(const FlowInfo& flow, size_t index, const Table& table,
                                 SourceRange where, const StepScope& scope,
                                 Instantiation& instantiate) {
  const RowType& rows = flow.params[index].rows;
  const std::string& name = flow.decl->name.text;
  Table input = table;
  input.columns.clear();
  input.passing.clear();
  input.open.reset();
  bool is_fine = true;
  std::vector<std::string> may_be_missing;
  SizeChecks checks(scope.builder);
  for (const DeclaredColumn& column : rows.columns) {
    const TableColumn* same = table.Find(column.name);
    Clash clash;
    if (same != nullptr) {
      const std::string shown = scope.builder.dims.Show(scope.builder.TypeOf(same->id));
      clash = checks.Unify(instantiate(column.type), {input.columns.size(), same->id, column.name,
                                                      "`" + name + "` wants `" + column.name +
                                                          ": " + ToString(column.type) + "`"});
      input.columns.push_back(*same);
      if (column.type.optional) may_be_missing.push_back(column.name);
      if (clash.text.empty()) continue;
      clash.text = ", this row has `" + column.name + ": " + shown + "` (" + clash.text + ")";
    } else {
      clash.text = ", the row has no column `" + column.name + "`";
    }
    dsl::Diagnostic& diagnostic = scope.diagnostics.Add(
        same == nullptr  ? DiagnosticKind::kMissingColumn
        : clash.is_shape ? DiagnosticKind::kShapeMismatch
                         : DiagnosticKind::kTypeMismatch,
        where,
        "`" + name + "` wants `" + column.name + ": " + ToString(column.type) + "`" + clash.text);
    diagnostic.notes.push_back({table.made, table.made_by + " gives " + scope.builder.Show(table)});
    if (same != nullptr && IsMissing(column, *same, scope.builder))
      diagnostic.help = CuresOfNull(column.name);
    is_fine = false;
  }
  const Table extra = ExtraColumns(rows, table);
  if (rows.is_open()) {
    input.passing = extra.columns;
    input.passing.insert(input.passing.end(), extra.passing.begin(), extra.passing.end());
    if (extra.open) input.open = extra.open;
  } else if (!extra.columns.empty() || extra.open) {
    const std::string what =
        extra.columns.empty() ? "more columns (`...`)" : "`" + extra.columns.front().name + "` too";
    dsl::Diagnostic& diagnostic =
        scope.diagnostics.Add(DiagnosticKind::kTypeMismatch, where,
                              "`" + name + "` takes exactly its columns, this row has " + what);
    diagnostic.notes.push_back({rows.range, "these are its columns"});
    diagnostic.help = "`select` them first, or let the flow accept more with `...`";
    is_fine = false;
  }
  if (!is_fine) return std::nullopt;
  Table whole = table;
  for (const SizeChecks::Misfit& misfit : checks.Settle(whole, {}, where)) {
    scope.diagnostics.Add(DiagnosticKind::kShapeMismatch, where,
                          "`" + name + "` does not take `" + input.columns[misfit.who].name +
                              "` (" + misfit.clash.text + ")");
    is_fine = false;
  }
  if (!is_fine) return std::nullopt;
  input.port = whole.port;
  MakeOptional(input, may_be_missing, where, scope);
  return input;
}

std::optional<std::vector<size_t>> OrderOfResults(const FlowInfo& flow, const ast::Return& returned,
                                                  dsl::Diagnostics& diagnostics) {
  const auto bad = [&](SourceRange where, const std::string& message) -> dsl::Diagnostic& {
    return diagnostics.Add(DiagnosticKind::kBadArguments, where, message);
  };
  std::vector<std::string> names;
  for (const FlowResult& result : flow.results) names.push_back(result.name);
  if (names.front().empty()) {
    if (!returned.values.front().name) return std::vector<size_t>{0};
    bad(returned.values.front().name->range, "the flow promises one table without a name").help =
        "write `return table`, or `-> (name: Schema, …)` in the signature";
    return std::nullopt;
  }
  std::vector<size_t> order;
  for (const ast::ReturnValue& value : returned.values) {
    if (!value.name) {
      bad(value.value.range, "the results of this flow have names").help = HowToReturn(names);
      return std::nullopt;
    }
    const auto found = std::find(names.begin(), names.end(), value.name->text);
    if (found == names.end()) {
      bad(value.name->range, "the flow promises no result `" + value.name->text + "`")
          .SuggestName(value.name->text, names);
      return std::nullopt;
    }
    const auto index = static_cast<size_t>(found - names.begin());
    if (std::find(order.begin(), order.end(), index) != order.end()) {
      bad(value.name->range, "the result `" + *found + "` is returned twice");
      return std::nullopt;
    }
    order.push_back(index);
  }
  for (size_t i = 0; i < names.size(); ++i) {
    if (std::find(order.begin(), order.end(), i) != order.end()) continue;
    bad(returned.range, "the result `" + names[i] + "` is not returned").help = HowToReturn(names);
    return std::nullopt;
  }
  return order;
}

std::optional<Table> FitResult(const FlowResult& promised, const Table& found, SourceRange where,
                               bool is_definition, const StepScope& scope,
                               Instantiation& instantiate) {
  const RowType& wanted = promised.rows;
  const std::string whose =
      promised.name.empty() ? "the result" : "the result `" + promised.name + "`";
  Table result = found;
  result.columns.clear();
  bool is_fine = true;
  // A symbol that only the result has says that there is such a size, whichever.
  instantiate.NewSymbolsAre(Instantiation::Kind::kFlexible);
  std::vector<std::string> may_be_missing;
  SizeChecks checks(scope.builder);
  const auto report = [&](const DeclaredColumn& column, const TableColumn& same,
                          const Clash& clash) {
    const std::string is = scope.builder.dims.Show(scope.builder.TypeOf(same.id));
    const std::string wants = ToString(column.type);
    dsl::Diagnostic& diagnostic = scope.diagnostics.Add(
        clash.is_shape ? DiagnosticKind::kShapeMismatch : DiagnosticKind::kTypeMismatch, where,
        (promised.name.empty() ? "the result's `" : "`" + promised.name + ".") + column.name +
            "` is " + is + ", promised " + wants + (is == wants ? "; " + clash.text : ""));
    diagnostic.notes.push_back({column.range, "promised here"});
    diagnostic.notes.push_back({scope.builder.OriginOf(same.id), "it gets its type here"});
    if (IsMissing(column, same, scope.builder)) diagnostic.help = CuresOfNull(column.name);
    is_fine = false;
  };
  for (const DeclaredColumn& column : wanted.columns) {
    const TableColumn* same = found.Find(column.name);
    if (same == nullptr) {
      dsl::Diagnostic& diagnostic = scope.diagnostics.Add(
          DiagnosticKind::kMissingColumn, where, whose + " has no column `" + column.name + "`");
      diagnostic.notes.push_back({column.range, "the flow promises `" + column.name + "` here"});
      diagnostic.notes.push_back(
          {found.made, found.made_by + " gives " + scope.builder.Show(found)});
      diagnostic.help = dsl::DidYouMeanText(column.name, found.Names());
      is_fine = false;
      continue;
    }
    const size_t index = static_cast<size_t>(&column - wanted.columns.data());
    const Clash clash =
        checks.Unify(instantiate(column.type),
                     {index, same->id, column.name,
                      "the flow promises `" + column.name + ": " + ToString(column.type) + "`"});
    if (!clash.text.empty()) report(column, *same, clash);
    result.columns.push_back(*same);
    if (column.type.optional) may_be_missing.push_back(column.name);
  }
  if (is_fine) {
    Table whole = found;
    for (const SizeChecks::Misfit& misfit : checks.Settle(whole, {}, where)) {
      report(wanted.columns[misfit.who], result.columns[misfit.who], misfit.clash);
    }
    result.port = whole.port;
  }
  if (!wanted.is_open()) {
    result.passing.clear();
    result.open.reset();
  } else if (result.passing.empty() && !result.open && is_definition) {
    scope.diagnostics.Add(DiagnosticKind::kTypeMismatch, where,
                          "the signature passes `...` on, but nothing passes up to here");
    is_fine = false;
  }
  if (!is_fine) return std::nullopt;
  MakeOptional(result, may_be_missing, where, scope);
  return result;
}

std::optional<Table> ReturnToCaller(const FlowInfo& flow, size_t index, Table result,
                                    const Table& caller, SourceRange where,
                                    dsl::Diagnostics& diagnostics) {
  const std::string& name = flow.decl->name.text;
  const FlowResult& promised = flow.results[index];
  if (flow.results.size() > 1) result.result = promised.name;
  result.made = where;
  result.made_by = "`" + name + "`";
  result.passing.clear();
  result.open.reset();
  if (!promised.rows.is_open()) return result;
  for (const TableColumn& column : caller.columns) {
    if (result.Find(column.name) == nullptr) continue;
    diagnostics
        .Add(DiagnosticKind::kColumnClash, where,
             "`" + name + "` gives `" + column.name + "`, which the row already has")
        .help = "take the old one out first: `omit(" + column.name + ")`";
    return std::nullopt;
  }
  result.columns.insert(
      result.columns.begin() + static_cast<std::ptrdiff_t>(*promised.rows.open_at),
      caller.columns.begin(), caller.columns.end());
  result.passing = caller.passing;
  result.open = caller.open;
  return result;
}

}  // namespace raceway::compiler
