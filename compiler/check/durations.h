#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "compiler/check/declarations.h"
#include "dsl/ast.h"
#include "dsl/diagnostic.h"

namespace raceway::compiler {

/// The time that is written for `option`, longer than none: `900ms`, or a parameter that is one.
/// What it is instead is reported.
std::optional<std::chrono::nanoseconds> CheckDuration(const dsl::ast::Expr& expr,
                                                      std::string_view option,
                                                      const Declarations& declarations,
                                                      dsl::Diagnostics& diagnostics);

}  // namespace raceway::compiler
