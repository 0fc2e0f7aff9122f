#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "dsl/source.h"
#include "engine/catalog.h"
#include "tools/raceway/lsp/analysis.h"
#include "tools/raceway/lsp/text.h"

namespace raceway::tools::lsp {

using Json = nlohmann::json;

/// A file that is open in the editor: its text and what is known of it.
class Document {
 public:
  Document(std::string uri, Text text, Json version)
      : uri_(std::move(uri)), text_(std::move(text)), version_(std::move(version)) {}

  const std::string& uri() const { return uri_; }
  const Text& text() const { return text_; }
  const Json& version() const { return version_; }

  /// Takes the `contentChanges` of `didChange`, one after the other.
  void Change(const Json& changes, Json version, Encoding encoding);
  /// Of the text as it is now; computed when it is asked for.
  const Analysis& Analysed(const engine::Catalog& catalog);
  /// Whether the text has changed since the last call.
  bool TakeIsNew() { return std::exchange(is_new_, false); }

 private:
  std::string uri_;
  Text text_;
  Json version_;
  bool is_new_ = true;
  PieceParser parser_;
  std::unique_ptr<Analysis> analysis_;  // none after a change
};

/// Place and range as the protocol has them.
Place ToPlace(const Json& position);
dsl::SourceRange ToRange(const Json& range, const Text& text, Encoding encoding);
Json FromRange(dsl::SourceRange range, const Text& text, Encoding encoding);

/// The path of a `file:` URI, or the URI itself.
std::string PathOf(const std::string& uri);
/// The `file:` URI of a path.
std::string UriOf(const std::string& path);

}  // namespace raceway::tools::lsp
