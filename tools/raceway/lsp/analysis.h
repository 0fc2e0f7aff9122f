#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/check/facts.h"
#include "compiler/load/modules.h"
#include "dsl/diagnostic.h"
#include "dsl/grammar.h"
#include "dsl/parse.h"
#include "dsl/source.h"
#include "dsl/source_set.h"
#include "engine/catalog.h"
#include "tools/raceway/lsp/names.h"
#include "tools/raceway/lsp/pieces.h"

namespace raceway::tools::lsp {

/// All that is known of one state of a document. Its ranges are in `source`, which is the text of
/// the document with room in it; `layout` says where that is in the document.
struct Analysis {
  dsl::Source source;
  Layout layout;
  dsl::SourceSet sources;          // `source` and the files that it imports
  compiler::Modules modules = {};  // of those; `parsed` is taken out of the last, which is this one
  dsl::ParseResult parsed = {};    // at the end the salvaged parts of flows that are broken
  dsl::Diagnostics diagnostics = {};  // of parser and checker, those in the document
  compiler::Facts facts = {};
  NameIndex names = {};
};

/// Never fails, whatever the text is. `parser` remembers what it parsed for the next time.
Analysis Analyse(const std::string& name, const std::string& text, const engine::Catalog& catalog,
                 PieceParser& parser);

/// What `import { name }` brings, in another file of `sources`; null if it is no such name.
const dsl::ast::Item* Imported(const Analysis& analysis, const std::string& name);

/// The functions that the `fn` at `offset` may name as `native`: those of its library where it has
/// one, none while nobody has looked into that (`Probing`), else those built in.
std::vector<const engine::FunctionContract*> FunctionsAt(const Analysis& analysis,
                                                         const engine::Catalog& catalog,
                                                         int32_t offset);

/// The tokens of a part of a source; none if the parser would not read it.
dsl::LexResult Lexed(const dsl::Source& source, dsl::SourceRange range);

}  // namespace raceway::tools::lsp
