#include "dsl/comments.h"

#include <algorithm>
#include <string_view>

namespace raceway::dsl {
namespace {

std::string_view TrimEnd(std::string_view text) {
  const size_t last = text.find_last_not_of(" \t\r\n");
  return text.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

/// Length of the comment at the start of `text`; `/* … */` may nest.
size_t CommentLength(std::string_view text) {
  if (text.starts_with("//")) return std::min(text.find_first_of("\r\n"), text.size());
  size_t depth = 0;
  for (size_t i = 0; i + 1 < text.size(); ++i) {
    const std::string_view sign = text.substr(i, 2);
    if (sign != "/*" && sign != "*/") continue;
    depth = sign == "/*" ? depth + 1 : depth - 1;
    ++i;
    if (depth == 0) return i + 1;
  }
  return text.size();
}

/// Gives the comments of the gap between two tokens to one of them. `before` is null at the start
/// of the file.
void ShareOut(std::string_view gap, TokenComments* before, TokenComments& after) {
  size_t num_lines = before == nullptr ? 1 : 0;  // begun since the last token or comment
  bool is_first_line = before != nullptr;
  for (size_t i = 0; i < gap.size();) {
    if (gap[i] != '/') {
      num_lines += gap[i] == '\n' ? 1 : 0;
      is_first_line = is_first_line && num_lines == 0;
      ++i;
      continue;
    }
    const size_t length = CommentLength(gap.substr(i));
    const std::string text(TrimEnd(gap.substr(i, length)));
    i += length;
    const size_t next = gap.find_first_not_of(" \t\r", i);
    const bool ends_line = next == std::string_view::npos ? false : gap[next] == '\n';
    const bool is_last = next == std::string_view::npos;
    const bool is_block = text.starts_with("/*");
    const bool is_ending = is_first_line && (ends_line || is_last);
    if (is_block && (is_last || (is_first_line && !ends_line))) {
      after.inside.push_back(text);
    } else if (is_ending) {
      before->after.push_back(text);
    } else {
      after.before.push_back({text, num_lines > 1});
    }
    num_lines = 0;
  }
  after.after_blank_line = num_lines > 1;
}

}  // namespace

std::vector<TokenComments> CommentsAround(const Source& source, std::span<const Token> tokens) {
  std::vector<TokenComments> comments(tokens.size() + 1);
  int32_t begin = source.LineStart(1);
  for (size_t i = 0; i <= tokens.size(); ++i) {
    const int32_t end = i < tokens.size() ? tokens[i].range.begin : source.end();
    ShareOut(source.Text({begin, end}), i == 0 ? nullptr : &comments[i - 1], comments[i]);
    if (i < tokens.size()) begin = tokens[i].range.end;
  }
  return comments;
}

}  // namespace raceway::dsl
