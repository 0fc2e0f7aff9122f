#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "compiler/check/declarations.h"

namespace raceway::compiler {

/// What is written in the block of a store: its kind ("rows") and its file. Null after a mistake,
/// which is reported.
std::optional<FunctionSpec> StoreSettings(const ast::StoreDecl& decl,
                                          dsl::Diagnostics& diagnostics);

/// Whether the engine can open the stores in which these stages look rows up; said at the step if
/// not. A test gives stores rows of its own, so its plans need not be asked.
bool AreStoresSupported(const std::vector<Stage>& stages, dsl::Diagnostics& diagnostics);

/// Whether a store of that kind can be looked up by `key`; what is wrong with it is reported.
bool CheckStoreKey(const DeclaredColumn& key, std::string_view kind, dsl::Diagnostics& diagnostics);

}  // namespace raceway::compiler
