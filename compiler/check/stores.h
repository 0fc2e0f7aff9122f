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

/// What to use instead of a store that the engine cannot open yet.
inline constexpr std::string_view kRowsInstead =
    "a store of rows in memory: `rows: \"file.jsonl\"`";

/// Whether a store of that kind can be looked up by `key`; what is wrong with it is reported.
bool CheckStoreKey(const DeclaredColumn& key, std::string_view kind, dsl::Diagnostics& diagnostics);

}  // namespace raceway::compiler
