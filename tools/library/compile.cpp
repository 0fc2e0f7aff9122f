#include <raceway/compile.h>

#include <memory>
#include <utility>

#include "compiler/compile.h"
#include "dsl/literal.h"
#include "operators/contracts.h"
#include "tools/library/convert.h"
#include "tools/raceway/files.h"

namespace raceway {
inline namespace v0 {
namespace {

using library::FromEngine;

// More than the parser takes, so that the parser says what is wrong with a large file.
constexpr int64_t kMaxText = int64_t{64} * dsl::Source::kMaxBytes;

Place PlaceOf(const dsl::SourceSet& sources, dsl::SourceRange where) {
  const dsl::Source& source = sources.Of(where);
  const dsl::Position begin = source.PositionOf(where.begin);
  const dsl::Position end = source.PositionOf(where.end);
  return {source.name(), begin.line, begin.column, end.line, end.column};
}

Diagnostic::Severity FromDsl(dsl::Severity severity) {
  switch (severity) {
    case dsl::Severity::kNote: return Diagnostic::Severity::kNote;
    case dsl::Severity::kWarning: return Diagnostic::Severity::kWarning;
    case dsl::Severity::kError: break;
  }
  return Diagnostic::Severity::kError;
}

Diagnostic FromDsl(const dsl::Diagnostic& from, const dsl::SourceSet& sources) {
  const dsl::DiagnosticInfo& info = dsl::InfoOf(from.kind);
  Diagnostic diagnostic;
  diagnostic.severity = FromDsl(info.severity);
  diagnostic.code = info.code;
  diagnostic.name = info.name;
  diagnostic.message = from.message;
  diagnostic.where = PlaceOf(sources, from.where);
  for (const dsl::DiagnosticNote& note : from.notes) {
    diagnostic.notes.push_back({PlaceOf(sources, note.where), note.message});
  }
  diagnostic.help = from.help;
  return diagnostic;
}

/// What is said of the flows: mistakes in the file's tests are no business of who runs them.
void AddDiagnostics(const compiler::CompileResult& compiled, Compilation& compilation) {
  dsl::Diagnostics shown;
  for (const dsl::Diagnostic& diagnostic : compiled.diagnostics.Sorted()) {
    if (diagnostic.is_of_test) continue;
    compilation.diagnostics.push_back(FromDsl(diagnostic, compiled.sources));
    if (dsl::InfoOf(diagnostic.kind).severity != dsl::Severity::kNote) shown.Add(diagnostic);
  }
  if (!shown.empty()) compilation.text = dsl::Render(shown, compiled.sources);
}

Error BadCall(std::string message) { return {ErrorCode::kInvalidArgument, std::move(message)}; }

Status CheckTexts(const CompileOptions& options) {
  const auto is_text = [](const std::string& text) { return !dsl::FindInvalidUtf8(text); };
  for (const auto& [name, value] : options.params) {
    if (!is_text(name) || !is_text(value)) return BadCall("a parameter is no UTF-8");
  }
  for (const std::string& hint : options.hints) {
    if (!is_text(hint)) return BadCall("a hint is no UTF-8");
  }
  return Done{};
}

Result<Compilation> Compile(const dsl::Source& source, const std::filesystem::path& base_dir,
                            const CompileOptions& options) {
  if (Status checked = CheckTexts(options); !checked) return std::move(checked).error();
  dsl::ParseResult parsed = dsl::Parse(source);
  compiler::CompileOptions compile;
  compile.params = options.params;
  compile.hints = options.hints;
  // With mistakes in the file the flow that is meant may be one of those left out.
  if (!parsed.diagnostics.has_errors_of_flows()) {
    const std::optional<std::string> wanted =
        options.flow.empty() ? std::nullopt : std::optional(options.flow);
    engine::Result<std::string> flow = compiler::SelectFlow(
        parsed.file, wanted, std::filesystem::path(source.name()).stem().string());
    if (!flow) return BadCall(source.name() + ": " + flow.error().message);
    compile.flow = *flow;
  }
  engine::Catalog catalog;
  operators::RegisterContracts(catalog);
  tools::HashedFiles files(base_dir);
  const compiler::CompileResult compiled =
      compiler::Compile(std::move(parsed), source, catalog, files, compile);
  if (!compiled.usage_error.empty()) return BadCall(compiled.usage_error);
  Compilation compilation;
  AddDiagnostics(compiled, compilation);
  if (!compiled.physical || compiled.diagnostics.has_errors_of_flows()) return compilation;
  // As text, since this library and the engine's share nothing but what they offer.
  Result<Plan> plan = Plan::FromJson(engine::ToJson(*compiled.physical), base_dir);
  if (!plan) return std::move(plan).error();
  compilation.plan = *std::move(plan);
  return compilation;
}

}  // namespace

Result<Compilation> CompileFile(const std::filesystem::path& file, const CompileOptions& options) {
  engine::Result<std::string> text = engine::ReadFile(file, kMaxText);
  if (!text) return FromEngine(std::move(text).error());
  return Compile(dsl::Source(file.string(), *std::move(text)), file.parent_path(), options);
}

Result<Compilation> CompileText(std::string_view text, std::string_view name,
                                const std::filesystem::path& base_dir,
                                const CompileOptions& options) {
  if (text.size() > size_t{kMaxText}) return BadCall("the text is larger than a flow may be");
  return Compile(dsl::Source(std::string(name), std::string(text)), base_dir, options);
}

}  // namespace v0
}  // namespace raceway
