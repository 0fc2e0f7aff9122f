#include "tools/raceway/lsp/analysis.h"

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>

#include "compiler/check/check.h"
#include "compiler/load/modules.h"
#include "tools/raceway/files.h"
#include "tools/raceway/lsp/shown.h"

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

/// What the `fn` at `offset` has as `library`; null if it has none.
const std::string* LibraryAt(const dsl::ast::File& file, int32_t offset) {
  for (const dsl::ast::Item& item : file.items) {
    const auto* fn = std::get_if<dsl::ast::FnDecl>(&item);
    if (fn == nullptr || offset < fn->range.begin || fn->range.end < offset) continue;
    for (const dsl::ast::Entry& entry : fn->block.entries) {
      if (entry.key.text == "library" && entry.value) return &entry.value->text;
    }
  }
  return nullptr;
}

}  // namespace

Analysis Analyse(const std::string& name, const std::string& text, const engine::Catalog& catalog,
                 PieceParser& parser) {
  PieceParser::Parsed parsed = parser.Parse(name, text);
  Analysis analysis{parsed.source, std::move(parsed.layout), dsl::SourceSet(parsed.source)};
  UnreadFiles files(std::filesystem::path(name).parent_path(), Probing::kNever);
  dsl::Diagnostics found = parsed.result.diagnostics;
  analysis.modules = LoadModules(std::move(parsed.result), analysis.sources, files, found);
  compiler::CheckOptions options;
  options.facts = &analysis.facts;
  found.Append(compiler::Check(analysis.modules, false, catalog, options).diagnostics);
  analysis.diagnostics = OfMain(found, analysis.sources);
  NoteBrokenImports(analysis.modules, analysis.sources, found, analysis.diagnostics);
  dsl::ParseResult& main = analysis.modules.all.back().parsed;
  if (!parsed.salvaged.empty()) {
    // What is wrong is said; now for what can be shown all the same.
    main.file.items.insert(main.file.items.end(), parsed.salvaged.begin(), parsed.salvaged.end());
    analysis.facts = {};
    compiler::Check(analysis.modules, false, catalog, options);
  }
  analysis.parsed = std::move(main);
  analysis.names = IndexNames(analysis.parsed.file, analysis.facts);
  return analysis;
}

const dsl::ast::Item* Imported(const Analysis& analysis, const std::string& name) {
  const std::vector<std::optional<size_t>>& modules = analysis.modules.main().imports;
  size_t number = 0;
  for (const dsl::ast::Item& item : analysis.parsed.file.items) {
    const auto* import = std::get_if<dsl::ast::ImportDecl>(&item);
    if (import == nullptr) continue;
    const std::optional<size_t> module =
        number < modules.size() ? modules[number] : std::optional<size_t>();
    ++number;
    const auto is_it = [&](const dsl::ast::Name& other) { return other.text == name; };
    if (!import->braces || !module ||
        std::none_of(import->names.begin(), import->names.end(), is_it)) {
      continue;
    }
    return FindItem(analysis.modules.all[*module].parsed.file, name);
  }
  return nullptr;
}

std::vector<const engine::FunctionContract*> FunctionsAt(const Analysis& analysis,
                                                         const engine::Catalog& catalog,
                                                         int32_t offset) {
  std::vector<const engine::FunctionContract*> functions;
  const auto add = [&](const engine::FunctionContract& function) {
    functions.push_back(&function);
  };
  const std::string* library = LibraryAt(analysis.parsed.file, offset);
  if (library == nullptr) {
    std::for_each(catalog.functions().begin(), catalog.functions().end(), add);
    return functions;
  }
  const auto& known = analysis.modules.main().libraries;
  const auto found = known.find(*library);
  if (found != known.end() && found->second.ok()) {
    std::for_each(found->second->begin(), found->second->end(), add);
  }
  return functions;
}

dsl::LexResult Lexed(const dsl::Source& source, dsl::SourceRange range) {
  if (range.end - range.begin > dsl::Source::kMaxBytes) return {};
  const std::lock_guard lock(dsl::GrammarMutex());
  return dsl::Lex(source, range);
}

}  // namespace raceway::tools::lsp
