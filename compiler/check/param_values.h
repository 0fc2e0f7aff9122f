#pragma once

#include <optional>
#include <vector>

#include "compiler/check/params.h"
#include "dsl/ast.h"
#include "dsl/diagnostic.h"
#include "engine/data/type.h"

namespace raceway::compiler {

/// The value of a parameter: the last of its `settings`, else its default, and one of those that it
/// allows. Null, which is reported, where there is none; `is_badly_set` becomes true if that is a
/// mistake of the settings.
std::optional<engine::Value> ValueOfParam(const dsl::ast::ParamDecl& decl, const engine::Type& type,
                                          const std::vector<ParamSetting>& settings,
                                          bool& is_badly_set, dsl::Diagnostics& diagnostics);

}  // namespace raceway::compiler
