#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/plan/hints.h"
#include "dsl/ast.h"
#include "dsl/diagnostic.h"

namespace raceway::compiler {

/// Where a hint stands, which decides what it may be.
enum class HintPlace { kDefaults, kDeclaration, kLanguageModel, kFlow, kStep };

/// All groups of hints: "batch", "compete", …
const std::vector<std::string>& HintNames();
/// The members of a group; none of one that is itself a value (`fuse`).
std::vector<std::string> MembersOf(std::string_view hint, HintPlace place);

/// The value of `hint.member` (or of `hint`, without a member). Null, and reported, if it is not of
/// the member's type, unit or range.
std::optional<Hint> HintValue(std::string_view hint, std::string_view member,
                              const dsl::ast::Expr& expr, dsl::Diagnostics& diagnostics);

}  // namespace raceway::compiler
