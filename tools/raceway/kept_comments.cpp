#include "tools/raceway/kept_comments.h"

#include <algorithm>
#include <mutex>
#include <vector>

#include "dsl/comments.h"
#include "dsl/grammar.h"

namespace raceway::tools {
namespace {

struct Comment {
  size_t record;   // the number of the one it belongs to
  bool is_behind;  // at the end of its line
  std::string text;
};

/// Those of a list of records that parses.
std::vector<Comment> CommentsOf(std::string_view list) {
  const dsl::Source source("", std::string(list));
  std::vector<dsl::Token> tokens;
  {
    const std::lock_guard lock(dsl::GrammarMutex());
    tokens = dsl::Lex(source, {0, source.end()}).tokens;
  }
  std::erase_if(tokens,
                [](const dsl::Token& token) { return token.kind == dsl::Token::Kind::kDoc; });
  const std::vector<dsl::TokenComments> around = dsl::CommentsAround(source, tokens);
  std::vector<Comment> comments;
  size_t record = 0;
  int depth = 0;
  for (size_t i = 0; i < tokens.size(); ++i) {
    for (const std::string& text : around[i].inside) comments.push_back({record, false, text});
    for (const dsl::Comment& one : around[i].before) comments.push_back({record, false, one.text});
    const std::string_view sign = tokens[i].text;
    depth += sign == "[" || sign == "{" || sign == "(" ? 1 : 0;
    depth -= sign == "]" || sign == "}" || sign == ")" ? 1 : 0;
    const bool is_comma = sign == "," && depth == 1;
    // At the end of a record's line, behind its comma, too, a comment is still that record's.
    const bool is_behind = is_comma || (sign == "}" && depth == 1);
    for (const std::string& text : around[i].after) {
      comments.push_back({record, is_behind && text.starts_with("//"), text});
    }
    record += is_comma ? 1 : 0;
  }
  return comments;
}

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
  const std::vector<Comment> comments = CommentsOf(old);
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
