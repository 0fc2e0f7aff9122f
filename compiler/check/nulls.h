#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "compiler/check/steps.h"

/// Values that may be null: what a condition tells about them, and the way between `T` and `T?`.
namespace raceway::compiler {

/// The columns (names of the plan) that have a value where `condition` is `truth`:
/// `x is not null and …` where it is true, `x is null or …` where it is false.
std::vector<std::string> KnownWhere(const engine::Expression& condition, bool truth);

/// "give it a value, `x ?? …`, or keep the rows that have one: `filter(x is not null)`"
std::string CuresOfNull(const ast::Expr& value);
std::string CuresOfNull(const std::string& column);

/// Columns of `table` that are among `known` lose their `?`, in a stage of their own.
void Narrow(Table& table, const std::vector<std::string>& known, const StepScope& scope);

/// The columns of these names become optional ones, in a stage of its own: they stand where a value
/// may be missing.
void MakeOptional(Table& table, const std::vector<std::string>& names, dsl::SourceRange where,
                  const StepScope& scope);

}  // namespace raceway::compiler
