#pragma once

#include <string>

#include "compiler/check/facts.h"
#include "dsl/diagnostic.h"
#include "dsl/grammar.h"
#include "dsl/parse.h"
#include "dsl/source.h"
#include "engine/catalog.h"
#include "tools/raceway/lsp/names.h"

namespace raceway::tools::lsp {

/// All that is known of one state of a document.
struct Analysis {
  dsl::Source source;
  dsl::ParseResult parsed;
  dsl::Diagnostics diagnostics;  // of parser and checker
  compiler::Facts facts;
  NameIndex names;
};

/// Never fails, whatever the text is.
Analysis Analyse(std::string name, std::string text, const engine::Catalog& catalog);

/// The tokens of a part of a source; none if the parser would not read it.
dsl::LexResult Lexed(const dsl::Source& source, dsl::SourceRange range);

}  // namespace raceway::tools::lsp
