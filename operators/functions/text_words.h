#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace raceway::operators {

/// The words of a text, one after the other without what was between them.
struct Words {
  std::string text;          // UTF-8
  std::vector<size_t> ends;  // of each word in `text`

  size_t size() const { return ends.size(); }
  std::string_view operator[](size_t i) const {
    const size_t begin = i == 0 ? 0 : ends[i - 1];
    return std::string_view(text).substr(begin, ends[i] - begin);
  }
};

/// Splits `text` (UTF-8) as BERT does: control characters go, spaces part words, each punctuation
/// mark and each Chinese character is a word of its own. With `lowercase`, letters lose case and
/// accents.
Words SplitWords(std::string_view text, bool lowercase);

}  // namespace raceway::operators
