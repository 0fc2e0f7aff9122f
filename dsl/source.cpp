#include "dsl/source.h"

#include <algorithm>
#include <utility>

namespace raceway::dsl {

namespace {

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

}  // namespace

SourceRange Cover(SourceRange a, SourceRange b) {
  return {std::min(a.begin, b.begin), std::max(a.end, b.end)};
}

Source::Source(std::string name, std::string text, int32_t base)
    : name_(std::move(name)), text_(std::move(text)), base_(base) {
  // A byte-order mark is no character of the first line.
  line_starts_.push_back(base_ + (text_.starts_with("\xEF\xBB\xBF") ? 3 : 0));
  for (size_t i = 0; i < text_.size(); ++i) {
    if (text_[i] == '\n') line_starts_.push_back(base_ + static_cast<int32_t>(i + 1));
  }
}

std::string_view Source::Text(SourceRange range) const {
  const int32_t begin = std::clamp(range.begin, base_, this->end());
  const int32_t end = std::clamp(range.end, begin, this->end());
  return std::string_view(text_).substr(static_cast<size_t>(begin - base_),
                                        static_cast<size_t>(end - begin));
}

Position Source::PositionOf(int32_t offset) const {
  const int32_t line = LineOf(offset);
  const std::string_view before = Text({LineStart(line), offset});
  const auto continuations = std::count_if(before.begin(), before.end(), IsContinuation);
  return {line, static_cast<int32_t>(before.size()) - static_cast<int32_t>(continuations) + 1};
}

int32_t Source::LineOf(int32_t offset) const {
  const auto next = std::upper_bound(line_starts_.begin() + 1, line_starts_.end(), offset);
  return static_cast<int32_t>(next - line_starts_.begin());
}

std::string_view Source::Line(int32_t line) const {
  const int32_t end = line < num_lines() ? LineStart(line + 1) - 1 : this->end();
  std::string_view text = Text({LineStart(line), end});
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

int32_t Source::LineStart(int32_t line) const {
  return line_starts_[static_cast<size_t>(line - 1)];
}

}  // namespace raceway::dsl
