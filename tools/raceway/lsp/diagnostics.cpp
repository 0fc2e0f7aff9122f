// What is wrong with a document, as the protocol has it.
#include "tools/raceway/lsp/features.h"

namespace raceway::tools::lsp {
namespace {

int SeverityOf(dsl::Severity severity) {
  switch (severity) {
    case dsl::Severity::kError: return 1;
    case dsl::Severity::kWarning: return 2;
    case dsl::Severity::kNote: return 3;  // "information"
  }
  return 1;
}

}  // namespace

Json DiagnosticsOf(const Document& document, const Analysis& analysis, Encoding encoding) {
  const auto range_of = [&](dsl::SourceRange range) {
    return FromRange(analysis.layout.ToDocument(range), document.text(), encoding);
  };
  Json all = Json::array();
  for (const dsl::Diagnostic& diagnostic : analysis.diagnostics.Sorted()) {
    const dsl::DiagnosticInfo& info = dsl::InfoOf(diagnostic.kind);
    Json related = Json::array();
    for (const dsl::DiagnosticNote& note : diagnostic.notes) {
      const Json range = range_of(note.where);
      related.push_back(
          {{"location", {{"uri", document.uri()}, {"range", range}}}, {"message", note.message}});
    }
    std::string message = diagnostic.message;
    if (!diagnostic.help.empty()) message += "\nhelp: " + diagnostic.help;
    Json one = {{"range", range_of(diagnostic.where)},
                {"severity", SeverityOf(info.severity)},
                {"code", info.code},
                {"source", "raceway"},
                {"message", std::move(message)}};
    if (!related.empty()) one["relatedInformation"] = std::move(related);
    if (diagnostic.kind == dsl::DiagnosticKind::kUnusedTable) one["tags"] = {1};  // unnecessary
    all.push_back(std::move(one));
  }
  return all;
}

}  // namespace raceway::tools::lsp
