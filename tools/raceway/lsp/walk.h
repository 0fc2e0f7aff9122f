#pragma once

#include <functional>

#include "dsl/ast.h"

namespace raceway::tools::lsp {

/// What is called for each part of an item, outer before inner. Those left empty are not.
struct Visitor {
  std::function<void(const dsl::ast::Step&)> step;
  /// An expression, and the step whose argument it is in (null for the head of a pipeline).
  std::function<void(const dsl::ast::Expr&, const dsl::ast::Step*)> expr;
  /// A setting or hint, and the block it stands in as `parent { entry }` (null outermost).
  std::function<void(const dsl::ast::Entry&, const dsl::ast::Entry* parent)> entry;
  std::function<void(const dsl::ast::TypeExpr&)> type;
};

void Visit(const dsl::ast::Item& item, const Visitor& visitor);

}  // namespace raceway::tools::lsp
