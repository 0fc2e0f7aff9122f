#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/parse.h"
#include "dsl/source.h"

namespace raceway::tools::lsp {

/// Where the pieces of a document lie in the source that was parsed. There is room behind each, so
/// that a piece may grow and all ranges in the others stay as they are.
class Layout {
 public:
  struct Piece {
    int32_t in_source = 0;
    int32_t in_document = 0;
    int32_t size = 0;
  };

  explicit Layout(std::vector<Piece> pieces) : pieces_(std::move(pieces)) {}

  int32_t ToSource(int32_t in_document) const;
  int32_t ToDocument(int32_t in_source) const;
  dsl::SourceRange ToDocument(dsl::SourceRange range) const {
    return {ToDocument(range.begin), ToDocument(range.end)};
  }

 private:
  std::vector<Piece> pieces_;  // in order; one at least
};

/// Parses a document again and again, but only those pieces that changed. A piece goes from a line
/// that begins with a word of items to the next; the result is that of `dsl::Parse` on the whole.
class PieceParser {
 public:
  struct Parsed {
    dsl::Source source;  // the document with room between its pieces
    Layout layout;
    dsl::ParseResult result;
    /// Of flows with a mistake in their syntax, what is before it: not in `result`.
    std::vector<dsl::ast::Item> salvaged;
  };

  Parsed Parse(const std::string& name, const std::string& text);

 private:
  struct Piece {
    std::string text;
    int32_t begin = 0;  // in the source
    dsl::ParseResult parsed;
    std::optional<dsl::ast::Item> salvaged;
  };

  bool Replace(const std::vector<std::string_view>& texts);
  void PlaceAnew(const std::vector<std::string_view>& texts);
  Piece ParsePiece(std::string_view text, int32_t begin);
  Parsed Join(const std::string& name) const;

  std::vector<Piece> pieces_;
  int num_parsed_ = 0;  // since the parser forgot what it had learnt
};

}  // namespace raceway::tools::lsp
