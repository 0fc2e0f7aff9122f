#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/source.h"

namespace raceway::tools::lsp {

/// What the `character` of a position counts; agreed upon in `initialize`.
enum class Encoding { kUtf8, kUtf16 };

/// A place as LSP has it: line and character count from 0.
struct Place {
  int64_t line = 0;
  int64_t character = 0;
};

/// The text of a document, and its bytes ↔ places of LSP.
class Text {
 public:
  explicit Text(std::string content = {});

  const std::string& content() const { return content_; }
  /// What lies beyond a line is its end, what lies beyond the text is the end of the text.
  int32_t OffsetOf(Place place, Encoding encoding) const;
  Place PlaceOf(int32_t offset, Encoding encoding) const;
  /// Replaces bytes, [range.begin, range.end) of the content.
  void Replace(dsl::SourceRange range, std::string_view with);

 private:
  void FindLines();
  std::string_view Line(size_t line) const;  // without its end

  std::string content_;
  std::vector<int32_t> line_starts_;
};

}  // namespace raceway::tools::lsp
