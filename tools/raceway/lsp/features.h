#pragma once

#include <span>
#include <string_view>

#include "engine/catalog.h"
#include "engine/result.h"
#include "tools/raceway/lsp/document.h"

namespace raceway::tools::lsp {

/// A request about one open document.
struct Question {
  const Document& document;
  const Analysis& analysis;  // of the document as it is
  const engine::Catalog& catalog;
  Encoding encoding;
  const Json& params;

  /// `params.position` as an offset into the analysis' source.
  int32_t Offset() const;
  Json Range(dsl::SourceRange range) const;
  /// A `Location` in this document.
  Json Location(dsl::SourceRange range) const;
};

/// Answers requests of one method; the error is for the user ("there is a column `x` already").
struct Feature {
  std::string_view method;
  engine::Result<Json> (*answer)(const Question& question);
};

/// What the server can answer, and the `capabilities` that say so.
std::span<const Feature> AllFeatures();
Json Capabilities(Encoding encoding);

/// The `diagnostics` of `publishDiagnostics`.
Json DiagnosticsOf(const Document& document, const Analysis& analysis, Encoding encoding);

}  // namespace raceway::tools::lsp
