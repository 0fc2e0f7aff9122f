#pragma once

#include <optional>
#include <vector>

#include "compiler/check/declarations.h"
#include "compiler/check/steps.h"
#include "compiler/check/table.h"
#include "dsl/ast.h"

/// What a flow's signature asks of the tables that come in and go out. What does not fit is
/// reported.
namespace raceway::compiler {

/// Whether the `...` of the signature can be told apart.
bool CheckOpenTables(const FlowInfo& flow, dsl::Diagnostics& diagnostics);

/// Whether rows can come from outside as they are declared.
bool CanRunItself(const FlowInfo& flow, dsl::Diagnostics& diagnostics);

/// The columns of `table` that are not the parameter's own: they pass as `...`.
Table ExtraColumns(const RowType& rows, const Table& table);

/// `table` as the body of `flow` has its parameter `index`, where the flow is applied.
std::optional<Table> FitArgument(const FlowInfo& flow, size_t index, const Table& table,
                                 dsl::SourceRange where, const StepScope& scope,
                                 Instantiation& instantiate);

/// Which result of the signature each value of `return` is.
std::optional<std::vector<size_t>> OrderOfResults(const FlowInfo& flow, const ast::Return& returned,
                                                  dsl::Diagnostics& diagnostics);

/// Of `found`, only what the signature names leaves the flow, and what passes where it says `...`.
std::optional<Table> FitResult(const FlowResult& promised, const Table& found,
                               dsl::SourceRange where, bool is_definition, const StepScope& scope,
                               Instantiation& instantiate);

/// A result where the flow is applied: what passed is the caller's again, to be named and all.
/// `caller` are the extra columns of the argument whose parameter has `...`.
std::optional<Table> ReturnToCaller(const FlowInfo& flow, size_t index, Table result,
                                    const Table& caller, dsl::SourceRange where,
                                    dsl::Diagnostics& diagnostics);

}  // namespace raceway::compiler
