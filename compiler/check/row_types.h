#pragma once

#include <optional>
#include <vector>

#include "compiler/check/declarations.h"
#include "engine/data/dim_formula.h"

namespace raceway::compiler {

/// What types as they are written stand for, among the parameters and schemas that are declared.
/// Null for one with a mistake, which is reported.
class TypeResolver {
 public:
  /// Both outlive it; declarations may be added meanwhile.
  TypeResolver(const Declarations& known, dsl::Diagnostics& diagnostics)
      : known_(known), diagnostics_(diagnostics) {}

  /// Of a column or a parameter: `u8[H, W, 3]`.
  std::optional<engine::Type> Resolve(const ast::TypeExpr& expr);
  /// With their defaults.
  std::optional<std::vector<DeclaredColumn>> ResolveColumns(
      const std::vector<ast::Column>& columns);
  /// `{ id: i64, ... }`
  std::optional<RowType> ResolveRecord(const ast::Record& record);
  /// A table's type: the name of a schema, or a record.
  std::optional<RowType> ResolveRows(const ast::TypeExpr& expr);

 private:
  void NotImplemented(dsl::SourceRange where, const std::string& what);
  std::optional<engine::Dim> NamedDim(const ast::Dim& dim);
  std::optional<engine::DimFormula> ResolveFormula(const ast::Dim& dim);
  std::optional<engine::Dim> ResolveDim(const ast::Dim& dim);
  bool CheckRank(const ast::TypeExpr& expr);
  std::optional<engine::Value> DefaultOf(const ast::Expr& expr, const engine::Type& type);

  const Declarations& known_;
  dsl::Diagnostics& diagnostics_;
};

}  // namespace raceway::compiler
