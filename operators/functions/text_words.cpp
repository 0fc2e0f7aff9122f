#include "operators/functions/text_words.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

namespace raceway::operators {
namespace {

using CodePoint = utf8proc_int32_t;

bool IsControl(CodePoint c) {
  switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_CC: return c != '\t' && c != '\n' && c != '\r';
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CO: return true;
    default: return c == 0xFFFD;
  }
}

bool IsSpace(CodePoint c) {
  switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP: return true;
    default: return c == '\t' || c == '\n' || c == '\r';
  }
}

bool IsPunctuation(CodePoint c) {
  if (c < 128) {  // symbols such as $ and + as well
    return (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) ||
           (c >= 123 && c <= 126);
  }
  const utf8proc_category_t category = utf8proc_category(c);
  return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
}

/// The blocks that BERT's own code lists.
bool IsChinese(CodePoint c) {
  using Range = std::pair<CodePoint, CodePoint>;
  static constexpr auto kBlocks = std::to_array<Range>({{0x3400, 0x4DBF},
                                                        {0x4E00, 0x9FFF},
                                                        {0xF900, 0xFAFF},
                                                        {0x20000, 0x2A6DF},
                                                        {0x2A700, 0x2B73F},
                                                        {0x2B740, 0x2B81F},
                                                        {0x2B920, 0x2CEAF},
                                                        {0x2F800, 0x2FA1F}});
  return std::any_of(kBlocks.begin(), kBlocks.end(),
                     [c](const Range& block) { return c >= block.first && c <= block.second; });
}

class WordWriter {
 public:
  explicit WordWriter(size_t num_bytes) { words_.text.reserve(num_bytes); }

  void Append(CodePoint c) {
    if (c < 128) {
      words_.text.push_back(static_cast<char>(c));
      return;
    }
    std::array<utf8proc_uint8_t, 4> bytes;
    const utf8proc_ssize_t num_bytes = utf8proc_encode_char(c, bytes.data());
    words_.text.append(reinterpret_cast<const char*>(bytes.data()), static_cast<size_t>(num_bytes));
  }
  void EndWord() {
    const size_t begin = words_.ends.empty() ? 0 : words_.ends.back();
    if (words_.text.size() > begin) words_.ends.push_back(words_.text.size());
  }
  void AppendWord(CodePoint c) {
    EndWord();
    Append(c);
    EndWord();
  }
  Words Take() && {
    EndWord();
    return std::move(words_);
  }

 private:
  Words words_;
};

/// What stays of a character without case and accents, a part each to `part`.
template <typename Part>
void Fold(CodePoint c, const Part& part) {
  if (c < 128) return part(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
  std::array<CodePoint, 32> parts;  // the longest canonical decomposition has 4
  int boundary = 0;
  const utf8proc_ssize_t num_parts =
      utf8proc_decompose_char(c, parts.data(), parts.size(), UTF8PROC_DECOMPOSE, &boundary);
  for (utf8proc_ssize_t i = 0; i < num_parts; ++i) {
    const CodePoint found = parts[static_cast<size_t>(i)];
    if (utf8proc_category(found) != UTF8PROC_CATEGORY_MN) part(utf8proc_tolower(found));
  }
}

}  // namespace

Words SplitWords(std::string_view text, bool lowercase) {
  WordWriter writer(text.size());
  const auto add = [&writer](CodePoint c) {
    if (IsPunctuation(c)) return writer.AppendWord(c);
    writer.Append(c);
  };
  const auto* next = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  const auto* const end = next + text.size();
  while (next < end) {
    CodePoint c = 0;
    next += std::max<utf8proc_ssize_t>(1, utf8proc_iterate(next, end - next, &c));
    if (c == 0 || IsControl(c)) continue;
    if (IsSpace(c)) {
      writer.EndWord();
      continue;
    }
    const bool is_word = IsChinese(c);
    if (is_word) writer.EndWord();
    if (lowercase) {
      Fold(c, add);
    } else {
      add(c);
    }
    if (is_word) writer.EndWord();
  }
  return std::move(writer).Take();
}

}  // namespace raceway::operators
