#pragma once

#include "compiler/check/declarations.h"

namespace raceway::compiler {

/// The settings of a `model` block: source, device, those of `TakeModelSetting`, hints.
std::optional<FunctionSpec> ModelSpec(const ast::ModelDecl& decl, dsl::Diagnostics& diagnostics);

/// The settings of a `fn` block, and its signature against the contract of the native function.
std::optional<FunctionSpec> NativeSpec(const ast::FnDecl& decl,
                                       const std::vector<DeclaredColumn>& params,
                                       const std::vector<DeclaredColumn>& results,
                                       const engine::Catalog& catalog,
                                       dsl::Diagnostics& diagnostics);

}  // namespace raceway::compiler
