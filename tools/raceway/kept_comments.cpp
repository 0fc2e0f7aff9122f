#include "tools/raceway/kept_comments.h"

#include <algorithm>
#include <vector>

namespace raceway::tools {
namespace {

struct Comment {
  size_t record;   // the number of the one it belongs to
  bool is_behind;  // at the end of its line
  std::string text;
};

/// Walks over a list of records that parses.
class CommentReader {
 public:
  explicit CommentReader(std::string_view list) : list_(list) {}

  std::vector<Comment> Run() && {
    while (at_ < list_.size()) Step();
    return std::move(comments_);
  }

 private:
  void Step() {
    const std::string_view rest = list_.substr(at_);
    if (rest.starts_with("//") || rest.starts_with("/*")) return Add(LengthOfComment(rest));
    const char c = rest.front();
    if (c == '"' || c == '`') {
      is_line_blank_ = false;
      at_ += LengthOfText(rest);
      return;
    }
    if (c == '[' || c == '{' || c == '(') ++depth_;
    if (c == ']' || c == '}' || c == ')') --depth_;
    if (c == '\n') is_line_blank_ = true;
    if (c == ',' && depth_ == 1) {
      ++record_;
      is_past_comma_ = true;
    } else if (c != ' ' && c != '\t' && c != '\r' && c != '\n') {
      is_past_comma_ = false;
    }
    if (c != ' ' && c != '\t' && c != '\r' && c != '\n') is_line_blank_ = false;
    ++at_;
  }

  static size_t LengthOfText(std::string_view text) {
    if (text.starts_with("\"\"\"")) {
      const size_t end = text.find("\"\"\"", 3);
      return end == std::string_view::npos ? text.size() : end + 3;
    }
    size_t end = 1;
    while (end < text.size() && text[end] != text.front()) {
      end += text[end] == '\\' && text.front() == '"' ? 2 : 1;
    }
    return std::min(end + 1, text.size());
  }

  static size_t LengthOfComment(std::string_view text) {
    if (text.starts_with("//")) return std::min(text.find('\n'), text.size());
    size_t end = 0;
    int depth = 0;  // they nest
    do {
      const std::string_view two = text.substr(end, 2);
      depth += two == "/*" ? 1 : two == "*/" ? -1 : 0;
      end += two == "/*" || two == "*/" ? 2 : 1;
    } while (depth > 0 && end < text.size());
    return end;
  }

  /// At the end of a record's line, behind its comma, too, a comment is still that record's.
  void Add(size_t length) {
    std::string text(list_.substr(at_, length));
    text.erase(text.find_last_not_of(" \t\r") + 1);
    const bool is_behind = text.starts_with("//") && !is_line_blank_ && depth_ == 1 &&
                           (is_past_comma_ || IsBehindRecord());
    const size_t record = is_behind && is_past_comma_ ? record_ - 1 : record_;
    comments_.push_back({record, is_behind, std::move(text)});
    at_ += length;
  }

  bool IsBehindRecord() const {
    const size_t last = list_.find_last_not_of(" \t", at_ - 1);
    return last != std::string_view::npos && list_[last] == '}';
  }

  std::string_view list_;
  size_t at_ = 0;
  int depth_ = 0;
  size_t record_ = 0;
  bool is_line_blank_ = false;  // so far
  bool is_past_comma_ = false;
  std::vector<Comment> comments_;
};

/// The records of a list as `raceway test` writes it: one in the line of its brackets, more on
/// lines of their own.
std::vector<std::string> RecordsOf(const std::string& rows) {
  std::vector<std::string> records;
  const std::string inside = rows.substr(1, rows.size() - 2);
  for (size_t begin = 0; begin < inside.size();) {
    const size_t end = std::min(inside.find('\n', begin), inside.size());
    std::string line = inside.substr(begin, end - begin);
    line.erase(0, std::min(line.find_first_not_of(' '), line.size()));
    if (line.ends_with(',')) line.pop_back();
    if (!line.empty()) records.push_back(std::move(line));
    begin = end + 1;
  }
  return records;
}

}  // namespace

std::string WithComments(std::string_view old, const std::string& rows) {
  const std::vector<Comment> comments = CommentReader(old).Run();
  if (comments.empty()) return rows;
  const std::vector<std::string> records = RecordsOf(rows);
  std::string text = "[\n";
  for (size_t i = 0; i <= records.size(); ++i) {
    const auto is_here = [&](const Comment& comment) {
      return i < records.size() ? comment.record == i : comment.record >= i;
    };
    std::string behind;
    for (const Comment& comment : comments) {
      if (!is_here(comment)) continue;
      if (comment.is_behind && i < records.size() && behind.empty()) {
        behind = "  " + comment.text;
      } else {
        text += "    " + comment.text + "\n";
      }
    }
    if (i < records.size()) text += "    " + records[i] + "," + behind + "\n";
  }
  return text + "  ]";
}

}  // namespace raceway::tools
