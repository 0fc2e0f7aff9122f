#pragma once

#include <vector>

#include "compiler/check/declarations.h"

namespace raceway::compiler {

/// Puts what `file` imports into `out`, beside what it declares itself: `a` for
/// `import { a } from …`, `x.a` for `import x from …`. `imports` has what each import's file
/// declares, null where it could not be read. Names that are not there or private are reported,
/// and so is what the file never uses.
void BringImports(const ast::File& file, const std::vector<Declarations*>& imports,
                  Declarations& out, dsl::Diagnostics& diagnostics);

}  // namespace raceway::compiler
