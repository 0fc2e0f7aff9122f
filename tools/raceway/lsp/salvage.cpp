#include "tools/raceway/lsp/salvage.h"

#include <algorithm>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dsl/parse.h"

namespace raceway::tools::lsp {
namespace {

using dsl::Token;

/// How many steps may be left out until it is whole.
constexpr int kMaxTries = 4;

/// The tokens of the flow that `mistake` is in, up to there.
std::vector<Token> TokensBefore(const dsl::Source& source, int32_t mistake) {
  std::vector<Token> tokens;
  {
    const std::lock_guard lock(dsl::GrammarMutex());
    tokens = dsl::Lex(source, {source.LineStart(1), mistake}).tokens;
  }
  std::erase_if(tokens, [](const Token& token) { return token.kind == Token::Kind::kDoc; });
  const auto begins_flow = [&](const Token& token) {
    const int32_t begin = token.range.begin;
    return token.text == "flow" && source.LineStart(source.LineOf(begin)) == begin;
  };
  const auto last = std::find_if(tokens.rbegin(), tokens.rend(), begins_flow);
  if (last == tokens.rend()) return {};
  tokens.erase(tokens.begin(), last.base() - 1);
  return tokens;
}

/// Without the last step or statement; false if there is none.
bool DropLast(std::vector<Token>& tokens) {
  const auto begins_part = [](const Token& token) {
    return token.text == "|>" || token.text == "let" || token.text == "return";
  };
  const auto last = std::find_if(tokens.rbegin(), tokens.rend(), begins_part);
  if (last == tokens.rend()) return false;
  tokens.erase(last.base() - 1, tokens.end());
  return !tokens.empty();
}

}  // namespace

std::string Closed(std::span<const Token> tokens) {
  std::string open;
  for (const Token& token : tokens) {
    if (token.kind != Token::Kind::kSign) continue;
    const char sign = token.text.front();
    if (token.text.size() != 1) continue;
    if (sign == '(' || sign == '[' || sign == '{') open += sign;
    if ((sign == ')' || sign == ']' || sign == '}') && !open.empty()) open.pop_back();
  }
  std::string closers;
  for (size_t i = open.size(); i-- > 0;) {
    // Braces inside of the body of a flow hold branches.
    const bool is_branches = open[i] == '{' && i > 0;
    closers += open[i] == '(' ? ")" : open[i] == '[' ? "]" : is_branches ? ", else => drop }" : "}";
  }
  return closers;
}

std::optional<dsl::ast::Item> SalvageFlow(const dsl::Source& source, int32_t mistake) {
  std::vector<Token> tokens = TokensBefore(source, mistake);
  for (int i = 0; i < kMaxTries && DropLast(tokens); ++i) {
    const int32_t begin = tokens.front().range.begin;
    std::string text(source.Text({begin, tokens.back().range.end}));
    text += Closed(tokens);
    dsl::ParseResult parsed = dsl::Parse(dsl::Source("", std::move(text), begin));
    if (!parsed.diagnostics.has_errors() && parsed.file.items.size() == 1) {
      return std::move(parsed.file.items.front());
    }
  }
  return std::nullopt;
}

}  // namespace raceway::tools::lsp
