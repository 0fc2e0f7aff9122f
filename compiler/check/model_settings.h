#pragma once

#include "compiler/check/declarations.h"

namespace raceway::compiler {

/// Takes a setting of a model that decides what a call computes, where, or how many threads it has:
/// `device`, `threads`, `instances`, `method`, `weights`, `state`, `dtype`, `pad`. False if it is
/// none of them; one that is wrong is reported and clears `is_fine`.
bool TakeModelSetting(const ast::Entry& entry, FunctionSpec& spec, bool& is_fine,
                      dsl::Diagnostics& diagnostics);

/// Turns the dimension that `pad` names into its places in what the model takes and gives:
/// { inputs: [[column, dim], …], outputs: […] }. False, and reported, where it is in no parameter
/// or computed with.
bool ResolvePadding(const ast::ModelDecl& decl, const RowFunction& function, FunctionSpec& spec,
                    dsl::Diagnostics& diagnostics);

}  // namespace raceway::compiler
