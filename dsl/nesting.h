#pragma once

#include <span>

#include "dsl/diagnostic.h"
#include "dsl/grammar.h"
#include "dsl/source.h"

namespace raceway::dsl {

/// True if every bracket has its partner and nothing is nested too deep for a recursive parser.
bool CheckNesting(const Source& source, std::span<const Token> tokens, Diagnostics& diagnostics);

}  // namespace raceway::dsl
