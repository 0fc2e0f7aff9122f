#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/check/declarations.h"
#include "compiler/check/declared_store.h"

namespace raceway::compiler {

/// What is written in the block of a store: its kind ("rows"), its file, its settings. Null after a
/// mistake, which is reported.
std::optional<FunctionSpec> StoreSettings(const ast::StoreDecl& decl,
                                          dsl::Diagnostics& diagnostics);

/// Those of the file itself, without what it imports.
std::vector<DeclaredStore> StoresOf(const Declarations& declarations);

/// Whether the store `spec` can be looked up by `key` and give `results`; what is wrong is
/// reported.
bool CheckStoreColumns(const DeclaredColumn& key, const std::vector<DeclaredColumn>& results,
                       const FunctionSpec& spec, dsl::Diagnostics& diagnostics);

/// Whether the setting `top` of an index, if there is one, is the number of rows that its columns
/// have; reported if not.
bool CheckTop(const ast::StoreDecl& decl, const std::vector<DeclaredColumn>& results,
              const std::map<std::string, Param>& params, dsl::Diagnostics& diagnostics);

}  // namespace raceway::compiler
