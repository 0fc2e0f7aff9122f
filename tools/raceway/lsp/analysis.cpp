#include "tools/raceway/lsp/analysis.h"

#include <utility>

#include "compiler/check/check.h"

namespace raceway::tools::lsp {

Analysis Analyse(std::string name, std::string text, const engine::Catalog& catalog) {
  Analysis analysis{dsl::Source(std::move(name), std::move(text)), {}, {}, {}, {}};
  analysis.parsed = dsl::Parse(analysis.source);
  analysis.diagnostics = analysis.parsed.diagnostics;
  compiler::CheckOptions options;
  options.facts = &analysis.facts;
  const compiler::CheckResult checked = compiler::Check(analysis.parsed, catalog, options);
  analysis.diagnostics.Append(checked.diagnostics);
  analysis.names = IndexNames(analysis.parsed.file, analysis.facts);
  return analysis;
}

dsl::LexResult Lexed(const dsl::Source& source, dsl::SourceRange range) {
  if (source.text().size() > static_cast<size_t>(dsl::Source::kMaxBytes)) return {};
  return dsl::Lex(source, range);
}

}  // namespace raceway::tools::lsp
