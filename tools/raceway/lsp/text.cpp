#include "tools/raceway/lsp/text.h"

#include <algorithm>
#include <utility>

namespace raceway::tools::lsp {
namespace {

bool IsContinuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U; }

/// Bytes of the character that begins at `offset`.
size_t LengthAt(std::string_view text, size_t offset) {
  size_t end = offset + 1;
  while (end < text.size() && IsContinuation(text[end])) ++end;
  return end - offset;
}

/// What four bytes of UTF-8 say are two units of UTF-16.
int64_t Units(size_t num_bytes, Encoding encoding) {
  if (encoding == Encoding::kUtf8) return static_cast<int64_t>(num_bytes);
  return num_bytes == 4 ? 2 : 1;
}

}  // namespace

Text::Text(std::string content) : content_(std::move(content)) { FindLines(); }

/// A line ends with \n, \r\n or \r.
void Text::FindLines() {
  line_starts_.assign(1, 0);
  for (size_t i = 0; i < content_.size(); ++i) {
    const char byte = content_[i];
    const bool is_crlf = byte == '\r' && i + 1 < content_.size() && content_[i + 1] == '\n';
    if (byte != '\n' && (byte != '\r' || is_crlf)) continue;
    line_starts_.push_back(static_cast<int32_t>(i + 1));
  }
}

std::string_view Text::Line(size_t line) const {
  const auto begin = static_cast<size_t>(line_starts_[line]);
  const size_t end = line + 1 < line_starts_.size() ? static_cast<size_t>(line_starts_[line + 1])
                                                    : content_.size();
  std::string_view text = std::string_view(content_).substr(begin, end - begin);
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

int32_t Text::OffsetOf(Place place, Encoding encoding) const {
  if (place.line < 0) return 0;
  if (place.line >= static_cast<int64_t>(line_starts_.size())) {
    return static_cast<int32_t>(content_.size());
  }
  const auto line = static_cast<size_t>(place.line);
  const std::string_view text = Line(line);
  size_t offset = 0;
  for (int64_t units = 0; offset < text.size();) {
    const size_t length = LengthAt(text, offset);
    units += Units(length, encoding);
    if (units > place.character) break;
    offset += length;
  }
  return line_starts_[line] + static_cast<int32_t>(offset);
}

Place Text::PlaceOf(int32_t offset, Encoding encoding) const {
  offset = std::clamp(offset, 0, static_cast<int32_t>(content_.size()));
  const auto next = std::upper_bound(line_starts_.begin(), line_starts_.end(), offset);
  const auto line = static_cast<size_t>(next - line_starts_.begin()) - 1;
  const std::string_view text = Line(line);
  const size_t end = std::min(static_cast<size_t>(offset - line_starts_[line]), text.size());
  Place place{static_cast<int64_t>(line), 0};
  for (size_t i = 0; i < end;) {
    const size_t length = LengthAt(text, i);
    place.character += Units(length, encoding);
    i += length;
  }
  return place;
}

void Text::Replace(dsl::SourceRange range, std::string_view with) {
  content_.replace(static_cast<size_t>(range.begin), static_cast<size_t>(range.end - range.begin),
                   with);
  FindLines();
}

}  // namespace raceway::tools::lsp
