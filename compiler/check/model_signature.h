#pragma once

#include <map>
#include <string>

#include "compiler/check/declarations.h"
#include "compiler/lower/lower.h"

namespace raceway::compiler {

/// Gives `function` the signature that lies beside its file; `sidecars` are those that were read,
/// by `source`. False, and reported, if there is none or it is wrong.
bool TakeSidecar(const ast::ModelDecl& decl, const FunctionSpec& spec,
                 const std::map<std::string, FileText>& sidecars, RowFunction& function,
                 dsl::Diagnostics& diagnostics);

}  // namespace raceway::compiler
