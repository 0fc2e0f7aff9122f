#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "dsl/grammar.h"

namespace raceway::dsl {

/// Tokens from `begin` to before `end`.
struct TokenSpan {
  size_t begin = 0;
  size_t end = 0;
};

bool IsOneOf(std::string_view text, std::span<const std::string_view> words);

/// The tokens of a file without mistakes, and what they are to each other: brackets, entries,
/// statements. Tokens are named by their index; one past the last has no text.
class TokenTree {
 public:
  /// Every bracket in `tokens` has its partner; there are no `///` lines.
  explicit TokenTree(std::vector<Token> tokens);

  size_t size() const { return tokens_.size(); }
  std::string_view At(size_t i) const {
    return i < tokens_.size() ? tokens_[i].text : std::string_view();
  }
  bool Is(size_t i, std::string_view text) const { return At(i) == text; }
  bool IsOpen(size_t i) const { return Is(i, "(") || Is(i, "[") || Is(i, "{"); }
  bool IsClosed(size_t i) const { return Is(i, ")") || Is(i, "]") || Is(i, "}"); }
  bool IsKey(size_t i) const { return Is(i + 1, ":"); }
  /// The closing bracket of an opening one.
  size_t Partner(size_t open) const { return partner_[open]; }

  /// From here on token `i` is no name: it begins a statement.
  void MarkKeyword(size_t i) { tokens_[i].kind = Token::Kind::kHardWord; }

  bool HasSpaceBefore(size_t i) const;

  /// The tokens of `span`, outside of brackets in it, for which `is_cut` holds.
  template <typename IsCut>
  std::vector<size_t> Cuts(TokenSpan span, IsCut is_cut) const {
    std::vector<size_t> cuts;
    for (size_t i = span.begin; i < span.end; ++i) {
      if (is_cut(i)) cuts.push_back(i);
      if (IsOpen(i)) i = partner_[i];
    }
    return cuts;
  }

  /// The entries of a bracket, without the commas. Between columns and settings those may be
  /// missing, and between the names of an import, where each word is an entry.
  std::vector<TokenSpan> Entries(size_t open, bool is_import) const;

  /// True if the bracket holds `when => steps` branches.
  bool IsBranches(size_t open) const;

  /// Whether the grammar takes a comma before the end: not in an index, a shape or a group.
  bool TakesLastComma(size_t open) const;

  /// Where the statements of a body begin.
  std::vector<size_t> Statements(TokenSpan body) const;

 private:
  bool EndsOperand(size_t i) const;
  bool IsUnary(size_t i) const;
  bool StartsEntry(size_t i) const;

  std::vector<Token> tokens_;
  std::vector<size_t> partner_;
};

}  // namespace raceway::dsl
