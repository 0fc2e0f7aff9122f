#pragma once

#include <string>

#include "compiler/check/facts.h"
#include "dsl/diagnostic.h"
#include "dsl/parse.h"
#include "dsl/source.h"
#include "engine/catalog.h"

namespace raceway::tools::lsp {

/// All that is known of one state of a document.
struct Analysis {
  dsl::Source source;
  dsl::ParseResult parsed;
  dsl::Diagnostics diagnostics;  // of parser and checker
  compiler::Facts facts;
};

/// Never fails, whatever the text is.
Analysis Analyse(std::string name, std::string text, const engine::Catalog& catalog);

}  // namespace raceway::tools::lsp
