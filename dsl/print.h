#pragma once

#include <string>
#include <string_view>

#include "dsl/ast.h"

namespace raceway::dsl {

/// The syntax tree as text, one node a line, children indented: `raceway explain --emit=syntax`.
/// Deterministic; holds no ranges, so that two texts with the same meaning print alike.
std::string PrintSyntax(const ast::File& file);

/// One expression in source form, with brackets only where they are needed: `conf >= threshold`.
std::string PrintExpr(const ast::Expr& expr);

/// A name in source form: in backquotes where it would be read as something else, the parts of
/// `a.b` one by one.
std::string SpellName(std::string_view name);

/// One type in source form: `u8[H, W, 3]?`.
std::string PrintType(const ast::TypeExpr& type);

}  // namespace raceway::dsl
