#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "compiler/check/declarations.h"
#include "compiler/check/table.h"

/// The rules of the core operators: what a step makes of the table before it. Each appends its
/// stage to the plan and returns the table that leaves, or null after a mistake (reported).
namespace raceway::compiler {

struct StepScope {
  PlanBuilder& builder;
  const Declarations& declarations;
  const engine::Catalog& catalog;
  dsl::Diagnostics& diagnostics;
};

std::optional<Table> CheckMap(const ast::Step& step, const Table& input, const StepScope& scope);
std::optional<Table> CheckSelect(const ast::Step& step, const Table& input, const StepScope& scope);
std::optional<Table> CheckDerive(const ast::Step& step, const Table& input, const StepScope& scope);
std::optional<Table> CheckOmit(const ast::Step& step, const Table& input, const StepScope& scope);
std::optional<Table> CheckFilter(const ast::Step& step, const Table& input, const StepScope& scope);
/// Two tables: the rows where the condition holds, and the others.
std::optional<std::vector<Table>> CheckSplit(const ast::Step& step, const Table& input,
                                             const StepScope& scope);
std::optional<Table> CheckSort(const ast::Step& step, const Table& input, const StepScope& scope);
std::optional<Table> CheckLimit(const ast::Step& step, const Table& input, const StepScope& scope);
std::optional<Table> CheckExplode(const ast::Step& step, const Table& input,
                                  const StepScope& scope);
/// No rows go on: an error where there are any (`fail`), or silently (`drop`).
std::optional<Table> CheckFail(const ast::Step& step, const Table& input, const StepScope& scope);
std::optional<Table> CheckDrop(const ast::Step& step, const Table& input, const StepScope& scope);
std::optional<Table> CheckLookup(const ast::Step& step, const Table& input, const StepScope& scope);
/// Notes the keys; `agg` makes the stage.
std::optional<Table> CheckGroupBy(const ast::Step& step, const Table& input,
                                  const StepScope& scope);
std::optional<Table> CheckAgg(const ast::Step& step, const Table& input, const StepScope& scope);
/// What goes into each branch of a `route`, in their order; the last is that of `else`.
std::optional<std::vector<Table>> CheckRoute(const ast::Step& step, const Table& input,
                                             const StepScope& scope);
/// `join(a, b, on: key)`: `args` hold the options besides the tables.
std::optional<Table> CheckJoin(dsl::SourceRange where, const std::vector<ast::Arg>& args,
                               std::span<const Table> tables, const StepScope& scope);
/// The rows of all inputs, one at least; `name` is what the user wrote. An input that can have no
/// rows goes with any others. `branches`: what the inputs are called where they are branches.
std::optional<Table> CheckUnion(dsl::SourceRange where, std::string_view name,
                                std::span<const Table> inputs, const StepScope& scope,
                                std::span<const std::string> branches = {});

/// Names of the core operators that can be run, and of those the edition has besides.
const std::vector<std::string>& CoreOperators();
const std::vector<std::string>& LaterOperators();

/// What may be written behind the name of a step; the rest is refused.
struct Allowed {
  bool arguments = true;
  bool as = false;
  bool branches = false;
};
bool CheckForm(const ast::Step& step, Allowed allowed, dsl::Diagnostics& diagnostics);

}  // namespace raceway::compiler
