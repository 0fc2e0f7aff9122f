#include "compiler/check/branches.h"

#include <algorithm>
#include <utility>

#include "compiler/check/same_columns.h"
#include "compiler/check/step_parts.h"

namespace raceway::compiler {
namespace {

using dsl::DiagnosticKind;
using dsl::SourceRange;

bool TreatsEachRow(const Step& step) {
  switch (step.kind) {
    case StepKind::kSort:
    case StepKind::kLimit:
    case StepKind::kAgg: return false;
    case StepKind::kJoin: return step.arguments.empty();
    default: break;
  }
  return std::all_of(step.branches.begin(), step.branches.end(),
                     [](const Branch& branch) { return TreatsEachRow(branch); });
}

/// Whether the branch ends with one table.
bool IsOneTable(const std::vector<Table>& ends, SourceRange where, const StepScope& scope) {
  if (ends.size() != 1) {
    Bad(where, "a branch ends with one table, " + SeveralTables(ends), "", scope);
    return false;
  }
  if (!ends.front().group_keys) return true;
  Bad(where, "`groupby` is followed by `agg`, which gives rows again",
      "groupby(cam) |> agg(n = count())", scope);
  return false;
}

/// Gives a branch without rows the columns of `like`.
void Conform(CheckedBranch& empty, const Table& like, PlanBuilder& builder) {
  Step step = NoRowsLike(empty.end, like, builder);
  empty.branch.stages.push_back(builder.NewStage("drop", {empty.branch.output}, std::move(step)));
  empty.branch.output = Port{static_cast<int32_t>(empty.branch.stages.size()) - 1, 0};
}

/// The first that may have rows: it says which columns there are.
const CheckedBranch& FirstWithRows(const std::vector<CheckedBranch>& branches) {
  const auto has_rows = [](const CheckedBranch& branch) { return !branch.end.is_empty; };
  const auto found = std::find_if(branches.begin(), branches.end(), has_rows);
  return found == branches.end() ? branches.front() : *found;
}

bool HaveSameColumns(const std::vector<CheckedBranch>& branches, std::span<const std::string> names,
                     const std::string& wants, const StepScope& scope) {
  const auto first = static_cast<size_t>(&FirstWithRows(branches) - branches.data());
  const Table& wanted = branches[first].end;
  bool is_fine = true;
  for (size_t i = first + 1; i < branches.size(); ++i) {
    const Table& end = branches[i].end;
    if (end.is_empty) continue;
    std::string text = Difference({wanted, names[first]}, {end, names[i]}, scope.builder);
    if (text.empty() && end.open != wanted.open) text = "only one of them carries `...`";
    if (text.empty()) continue;
    dsl::Diagnostic& diagnostic =
        scope.diagnostics.Add(DiagnosticKind::kTypeMismatch, end.made, wants + ": " + text);
    diagnostic.help = CureOfDifference({wanted, names[first]}, {end, names[i]});
    for (const Table* table : {&wanted, &end}) {
      diagnostic.notes.push_back(
          {table->made, table->made_by + " gives " + scope.builder.Show(*table)});
    }
    is_fine = false;
  }
  return is_fine;
}

}  // namespace

std::optional<CheckedBranch> CheckBranch(const std::string& name, SourceRange where,
                                         const Table& input, const BranchBody& body,
                                         const StepScope& scope) {
  if (scope.builder.branch_depth() >= engine::kMaxBranchDepth) {
    Bad(where,
        "this is the " + std::to_string(engine::kMaxBranchDepth + 1) +
            "th branch inside of another",
        "", scope);
    return std::nullopt;
  }
  Table rows = input;
  rows.port = Port{};
  scope.builder.BeginBranch();
  std::optional<std::vector<Table>> ends = body(rows);
  const bool is_fine = ends && IsOneTable(*ends, where, scope);
  Branch branch = scope.builder.EndBranch(name, is_fine ? ends->front().port : Port{});
  if (!is_fine) return std::nullopt;
  return CheckedBranch{std::move(branch), std::move(ends->front())};
}

std::optional<Table> MergeBranches(Port input, std::vector<CheckedBranch> branches,
                                   std::span<const std::string> names, const std::string& wants,
                                   Step& step, const StepScope& scope) {
  if (!HaveSameColumns(branches, names, wants, scope)) return std::nullopt;
  const Table like = FirstWithRows(branches).end;
  for (CheckedBranch& branch : branches) {
    if (branch.end.is_empty && !like.is_empty) Conform(branch, like, scope.builder);
  }
  Table table = like;
  table.port = input;
  table.lineage = branches.front().end.lineage;
  JoinedDims join(scope.builder.dims);
  for (TableColumn& column : table.columns) {
    std::vector<std::string> from;
    from.reserve(branches.size());
    for (const CheckedBranch& branch : branches) {
      from.push_back(branch.end.Find(column.name)->id);
    }
    column.id = MergeColumn(column.name, from, step.where, join, step, scope.builder);
  }
  for (CheckedBranch& branch : branches) step.branches.push_back(std::move(branch.branch));
  return table;
}

bool TreatsEachRow(const Branch& branch) {
  return std::all_of(branch.stages.begin(), branch.stages.end(), [](const Stage& stage) {
    return std::all_of(stage.steps.begin(), stage.steps.end(),
                       [](const Step& step) { return TreatsEachRow(step); });
  });
}

}  // namespace raceway::compiler
