#include "tools/raceway/lsp/analysis.h"

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>

#include "compiler/check/check.h"
#include "compiler/load/modules.h"
#include "tools/raceway/files.h"

namespace raceway::tools::lsp {
namespace {

/// What lies in the document itself: the rest is shown where its file is open.
dsl::Diagnostics OfMain(const dsl::Diagnostics& diagnostics, const dsl::SourceSet& sources) {
  const auto is_elsewhere = [&](dsl::SourceRange where) {
    return &sources.Of(where) != &sources.main();
  };
  dsl::Diagnostics of_main;
  for (dsl::Diagnostic& diagnostic : diagnostics.Sorted()) {
    if (is_elsewhere(diagnostic.where)) continue;
    std::erase_if(diagnostic.notes,
                  [&](const dsl::DiagnosticNote& note) { return is_elsewhere(note.where); });
    of_main.Add(diagnostic.kind, diagnostic.where, {}) = std::move(diagnostic);
  }
  return of_main;
}

/// What is wrong with imported files, said once at each import: it is shown whole where they are
/// open.
void NoteBrokenImports(const compiler::Modules& modules, const dsl::SourceSet& sources,
                       const dsl::Diagnostics& found, dsl::Diagnostics& diagnostics) {
  std::set<std::string> broken;  // names of sources
  for (const dsl::Diagnostic& diagnostic : found.Sorted()) {
    const bool is_error = dsl::InfoOf(diagnostic.kind).severity == dsl::Severity::kError;
    if (is_error) broken.insert(sources.Of(diagnostic.where).name());
  }
  const std::string folder = std::filesystem::path(sources.main().name()).parent_path().string();
  size_t number = 0;
  for (const dsl::ast::Item& item : modules.main().parsed.file.items) {
    const auto* import = std::get_if<dsl::ast::ImportDecl>(&item);
    if (import == nullptr) continue;
    const std::optional<size_t> module = modules.main().imports[number++];
    if (!module) continue;
    const std::string& path = modules.all[*module].path;
    if (!broken.contains(compiler::PathIn(folder, path))) continue;
    diagnostics.Add(dsl::DiagnosticKind::kBadImport, import->from_range,
                    "`" + path + "` has mistakes");
  }
}

}  // namespace

Analysis Analyse(std::string name, std::string text, const engine::Catalog& catalog) {
  UnreadFiles files(std::filesystem::path(name).parent_path());
  Analysis analysis{dsl::Source(std::move(name), std::move(text)), {}, {}, {}, {}};
  dsl::SourceSet sources(analysis.source);
  dsl::ParseResult parsed = dsl::Parse(analysis.source);
  dsl::Diagnostics found = parsed.diagnostics;
  compiler::Modules modules = LoadModules(std::move(parsed), sources, files, found);
  compiler::CheckOptions options;
  options.facts = &analysis.facts;
  found.Append(compiler::Check(modules, false, catalog, options).diagnostics);
  analysis.diagnostics = OfMain(found, sources);
  NoteBrokenImports(modules, sources, found, analysis.diagnostics);
  analysis.parsed = std::move(modules.all.back().parsed);
  analysis.names = IndexNames(analysis.parsed.file, analysis.facts);
  return analysis;
}

dsl::LexResult Lexed(const dsl::Source& source, dsl::SourceRange range) {
  if (source.text().size() > static_cast<size_t>(dsl::Source::kMaxBytes)) return {};
  return dsl::Lex(source, range);
}

}  // namespace raceway::tools::lsp
