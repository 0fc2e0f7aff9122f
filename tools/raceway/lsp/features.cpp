#include "tools/raceway/lsp/features.h"

#include "tools/raceway/lsp/answers.h"

namespace raceway::tools::lsp {
namespace {

constexpr Feature kFeatures[] = {
    {"textDocument/hover", &AnswerHover},
    {"textDocument/definition", &AnswerDefinition},
    {"textDocument/references", &AnswerReferences},
    {"textDocument/documentHighlight", &AnswerHighlights},
    {"textDocument/prepareRename", &AnswerPrepareRename},
    {"textDocument/rename", &AnswerRename},
    {"textDocument/completion", &AnswerCompletion},
    {"textDocument/documentSymbol", &AnswerSymbols},
    {"textDocument/foldingRange", &AnswerFolding},
    {"textDocument/inlayHint", &AnswerInlayHints},
    {"textDocument/formatting", &AnswerFormatting},
    {"textDocument/codeAction", &AnswerCodeActions},
};

}  // namespace

int32_t Question::Offset() const {
  return analysis.layout.ToSource(
      document.text().OffsetOf(ToPlace(params.at("position")), encoding));
}

Json Question::Range(dsl::SourceRange range) const {
  return FromRange(analysis.layout.ToDocument(range), document.text(), encoding);
}

Json Question::Location(dsl::SourceRange range) const {
  return {{"uri", document.uri()}, {"range", Range(range)}};
}

std::span<const Feature> AllFeatures() { return kFeatures; }

Json Capabilities(Encoding encoding) {
  constexpr int kIncremental = 2;
  return {
      {"positionEncoding", encoding == Encoding::kUtf8 ? "utf-8" : "utf-16"},
      {"textDocumentSync",
       {{"openClose", true}, {"change", kIncremental}, {"save", {{"includeText", false}}}}},
      {"hoverProvider", true},
      {"definitionProvider", true},
      {"referencesProvider", true},
      {"documentHighlightProvider", true},
      {"renameProvider", {{"prepareProvider", true}}},
      {"completionProvider", {{"triggerCharacters", {">", "(", ",", ":", "{", "\"", "."}}}},
      {"documentSymbolProvider", true},
      {"foldingRangeProvider", true},
      {"inlayHintProvider", true},
      {"documentFormattingProvider", true},
      {"codeActionProvider", {{"codeActionKinds", {"quickfix"}}}},
  };
}

}  // namespace raceway::tools::lsp
