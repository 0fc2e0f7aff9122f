#pragma once

#include <string>
#include <vector>

#include "compiler/check/table.h"

/// Tables that become one: of `union`, and of the branches of a step.
namespace raceway::compiler {

struct NamedTable {
  const Table& table;
  std::string name;  // "table 2"
};

/// What differs between two tables, column by column; empty if nothing: then each is of
/// one type in both, or `JoinedDims` finds one.
std::string Difference(const NamedTable& first, const NamedTable& other, PlanBuilder& builder);

/// What makes the columns of `other` those of `first`, as help; empty if their names agree.
std::string CureOfDifference(const NamedTable& first, const NamedTable& other);

/// A step that gives no rows of the columns of `like`. `empty`, which has no rows, gets the columns
/// that leave it, and still needs its port.
Step NoRowsLike(Table& empty, const Table& like, PlanBuilder& builder);

/// One column of the table they become: the same in all, or made of one of each, which `step`
/// notes. `join` is that of all columns of the step.
std::string MergeColumn(const std::string& name, const std::vector<std::string>& from,
                        dsl::SourceRange where, JoinedDims& join, Step& step, PlanBuilder& builder);

}  // namespace raceway::compiler
