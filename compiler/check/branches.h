#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "compiler/check/steps.h"

/// Steps that send their rows through branches: what `rescue` and `anyof` have in common.
namespace raceway::compiler {

/// One way through a step, and the table at its end.
struct CheckedBranch {
  Branch branch;
  Table end;
};

/// Checks what is in a branch on the rows that come into it; null after a mistake (reported).
using BranchBody = std::function<std::optional<std::vector<Table>>(const Table& rows)>;

/// One branch of a step at `where` that gets `input`.
std::optional<CheckedBranch> CheckBranch(const std::string& name, dsl::SourceRange where,
                                         const Table& input, const BranchBody& body,
                                         const StepScope& scope);

/// Makes one table of the ends of `branches`, which have the same columns as the first; a branch
/// without rows goes with any. Moves them into `step`. `names` are for people: "the substitute";
/// `wants` begins what is said where they differ. The lineage is that of the first branch, the port
/// still that of the step's `input`.
std::optional<Table> MergeBranches(Port input, std::vector<CheckedBranch> branches,
                                   std::span<const std::string> names, const std::string& wants,
                                   Step& step, const StepScope& scope);

/// Whether each row that comes in is treated by itself: no sorting, limiting, grouping.
bool TreatsEachRow(const Branch& branch);

}  // namespace raceway::compiler
