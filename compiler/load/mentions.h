#pragma once

#include <set>
#include <string>

#include "dsl/ast.h"

namespace raceway::compiler {

/// Every name that the items of a file mention, whatever they mean by it: `x` and `x.f` of a path,
/// names in expressions, dimensions. What an import brings and nothing mentions is not used.
std::set<std::string> NamesMentioned(const dsl::ast::File& file);

}  // namespace raceway::compiler
