#pragma once

#include "compiler/check/declarations.h"
#include "compiler/check/table.h"

namespace raceway::compiler {

/// What expressions are checked against.
struct ExpressionScope {
  const Table& table;
  PlanBuilder& builder;
  const Declarations& declarations;
  const engine::Catalog& catalog;
  dsl::Diagnostics& diagnostics;
};

/// Resolves and types one expression on the rows of a table. `wanted` is the type that literals
/// are to take, where the place asks for one. After a mistake (reported) the type is unknown.
engine::Expression CheckExpression(const ast::Expr& expr, const ExpressionScope& scope,
                                   const engine::Type* wanted = nullptr);

/// Reports that `table` has no column `name`, with what it has and who made it.
void ReportUnknownColumn(std::string_view name, dsl::SourceRange where,
                         const ExpressionScope& scope);

}  // namespace raceway::compiler
