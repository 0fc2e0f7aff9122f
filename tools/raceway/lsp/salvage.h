#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "dsl/ast.h"
#include "dsl/grammar.h"
#include "dsl/source.h"

namespace raceway::tools::lsp {

/// What is right of a flow that has a mistake in its syntax: its text up to the last whole step
/// before `mistake`, closed as if it ended there. For what editors show; nothing if the mistake is
/// before the first step, or in another kind of item.
std::optional<dsl::ast::Item> SalvageFlow(const dsl::Source& source, int32_t mistake);

/// The brackets that close what `tokens` leave open; branches get an `else`.
std::string Closed(std::span<const dsl::Token> tokens);

}  // namespace raceway::tools::lsp
