#pragma once

#include "dsl/ast.h"
#include "dsl/diagnostic.h"
#include "dsl/source.h"

namespace raceway::dsl {

struct ParseResult {
  ast::File file;  // the items that could be read, also when there are errors
  Diagnostics diagnostics;
};

/// Text → syntax tree. Never throws and never aborts, whatever the bytes are.
///
/// Limits   1 MiB, brackets nested 256 deep; beyond that a diagnostic and no items
/// Errors   one per item: the first. An item with an error is left out, the others stay
/// Threads  safe from any thread (the parser's runtime is not, so calls wait for each other)
ParseResult Parse(const Source& source);

}  // namespace raceway::dsl
