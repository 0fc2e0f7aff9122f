#include "dsl/token_tree.h"

#include <algorithm>
#include <array>
#include <utility>

namespace raceway::dsl {

bool IsOneOf(std::string_view text, std::span<const std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

TokenTree::TokenTree(std::vector<Token> tokens)
    : tokens_(std::move(tokens)), partner_(tokens_.size()) {
  std::vector<size_t> open;
  for (size_t i = 0; i < tokens_.size(); ++i) {
    if (IsOpen(i)) open.push_back(i);
    if (!IsClosed(i)) continue;
    partner_[open.back()] = i;
    open.pop_back();
  }
}

bool TokenTree::HasSpaceBefore(size_t i) const {
  constexpr std::array<std::string_view, 6> kNone = {",", ":", ".", "..", "?", ")"};
  if (tokens_[i].kind == Token::Kind::kSign) {
    if (IsOneOf(At(i), kNone)) return false;
    if (At(i) == "(" || At(i) == "[") return !EndsOperand(i - 1);
  }
  return !Is(i - 1, ".") && !Is(i - 1, "..") && !IsUnary(i - 1);
}

/// True if an operand ends here: what follows is a call, an index or a binary operator.
bool TokenTree::EndsOperand(size_t i) const {
  constexpr std::array<std::string_view, 7> kEnds = {")", "]", "}", "?", "true", "false", "null"};
  const Token::Kind kind = tokens_[i].kind;
  if (kind != Token::Kind::kHardWord && kind != Token::Kind::kSign) return true;
  return IsOneOf(At(i), kEnds);
}

bool TokenTree::IsUnary(size_t i) const {
  return (Is(i, "-") || Is(i, "+")) && (i == 0 || !EndsOperand(i - 1));
}

bool TokenTree::TakesLastComma(size_t open) const {
  const bool after_operand = open > 0 && EndsOperand(open - 1);
  if (Is(open, "[")) return !after_operand;
  if (Is(open, "(")) return after_operand || Is(open - 1, "let") || Is(open - 1, "->");
  return true;
}

bool TokenTree::IsBranches(size_t open) const {
  return !Cuts({open + 1, partner_[open]}, [this](size_t i) { return Is(i, "=>"); }).empty();
}

std::vector<TokenSpan> TokenTree::Entries(size_t open, bool is_import) const {
  const TokenSpan inside = {open + 1, partner_[open]};
  const bool only_commas = !Is(open, "{") || IsBranches(open);
  const std::vector<size_t> starts = Cuts(inside, [&](size_t i) {
    if (Is(i, ",")) return false;
    if (i == inside.begin || Is(i - 1, ",")) return true;
    return !only_commas && (is_import || StartsEntry(i));
  });
  std::vector<TokenSpan> entries;
  for (size_t k = 0; k < starts.size(); ++k) {
    const size_t end = k + 1 < starts.size() ? starts[k + 1] : inside.end;
    entries.push_back({starts[k], Is(end - 1, ",") ? end - 1 : end});
  }
  return entries;
}

/// True if an entry without a comma before it begins here: `key:`, `key {` or `...`.
bool TokenTree::StartsEntry(size_t i) const {
  if (Is(i, "...") || Is(i - 1, "...") || IsKey(i)) return true;
  return Is(i + 1, "{") && tokens_[i].kind != Token::Kind::kSign && EndsOperand(i - 1);
}

std::vector<size_t> TokenTree::Statements(TokenSpan body) const {
  constexpr std::array<std::string_view, 3> kSoftWords = {"stub", "given", "expect"};
  size_t last = body.end;
  return Cuts(body, [&](size_t i) {
    bool begins = Is(i, "let") || Is(i, "return");
    if (IsOneOf(At(i), kSoftWords)) {
      begins = i == body.begin || (EndsOperand(i - 1) && i - 1 != last);
    }
    if (begins) last = i;
    return begins;
  });
}

}  // namespace raceway::dsl
