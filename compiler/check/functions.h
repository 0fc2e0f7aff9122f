#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "compiler/check/declarations.h"

namespace raceway::compiler {

/// The settings of a `model` block: source, device, those of `TakeModelSetting`, hints.
std::optional<FunctionSpec> ModelSpec(const ast::ModelDecl& decl, dsl::Diagnostics& diagnostics);

/// What the libraries of a file hold, by what its `fn`s call them.
using Libraries = std::map<std::string, engine::Result<std::vector<engine::FunctionContract>>>;

/// Why nothing is known of a library, said once for all `fn`s of `file` that name it.
void ReportLibraries(const ast::File& file, const Libraries& libraries,
                     dsl::Diagnostics& diagnostics);

/// The settings of a `fn` block, and its signature against the contract of the native function:
/// one of `catalog`, or of a library. What is in a library of which nothing is known has no mistake
/// of its own.
std::optional<FunctionSpec> NativeSpec(const ast::FnDecl& decl,
                                       const std::vector<DeclaredColumn>& params,
                                       const std::vector<DeclaredColumn>& results,
                                       const engine::Catalog& catalog, const Libraries& libraries,
                                       dsl::Diagnostics& diagnostics);

}  // namespace raceway::compiler
