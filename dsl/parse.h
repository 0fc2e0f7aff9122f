#pragma once

#include <string>
#include <vector>

#include "dsl/ast.h"
#include "dsl/diagnostic.h"
#include "dsl/source.h"

namespace raceway::dsl {

struct ParseResult {
  ast::File file;  // the items that could be read, also when there are errors
  Diagnostics diagnostics;
  /// What the items left out would have declared, as far as one could see: their uses elsewhere
  /// deserve no error of their own.
  std::vector<std::string> lost_names;
  std::vector<std::string> lost_tests;  // titles; empty for one without
};

/// Text → syntax tree. Never throws and never aborts, whatever the bytes are.
///
/// Limits   1 MiB: beyond that a diagnostic and no items; brackets nested 256 deep, expressions
///          512: beyond that a diagnostic instead of the item
/// Errors   one per item: the first. An item with an error is left out, the others stay
/// Threads  safe from any thread (the parser's runtime is not, so calls wait for each other)
ParseResult Parse(const Source& source);

}  // namespace raceway::dsl
