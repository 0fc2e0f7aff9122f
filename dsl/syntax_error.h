#pragma once

#include <span>

#include "dsl/diagnostic.h"
#include "dsl/grammar.h"

namespace raceway::dsl {

/// Says in our own words what is wrong at `tokens[index]`, or at the end if there is none.
///
/// The generated parser knows which tokens it could take next, but not where it decided so: after
/// some look-ahead its set belongs to an earlier place. So the tokens of interest are tried there.
void ReportSyntaxError(std::span<const Token> tokens, size_t index, Rule rule,
                       Diagnostics& diagnostics);

}  // namespace raceway::dsl
