#pragma once

#include <span>

#include "dsl/diagnostic.h"
#include "dsl/grammar.h"
#include "dsl/source.h"

/// What people write who know other languages, where the parser only sees a wrong token.
namespace raceway::dsl {

/// Adds help, and an edit where there is one, to a syntax error at `index`, if it looks like a
/// known slip. True if it does.
bool ExplainSlip(std::span<const Token> tokens, size_t index, Diagnostic& error);

/// Reports `{x:.2f}`, `{x!r}` and `{x=}` in an f-string; `tokens` are those of the hole `hole`.
bool ReportFormat(const Source& source, std::span<const Token> tokens, SourceRange hole,
                  Diagnostics& diagnostics);

}  // namespace raceway::dsl
