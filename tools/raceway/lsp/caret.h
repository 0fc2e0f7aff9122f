#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/check/facts.h"
#include "dsl/grammar.h"
#include "engine/catalog.h"
#include "tools/raceway/lsp/analysis.h"

namespace raceway::tools::lsp {

/// A bracket that is open at the caret.
struct OpenBracket {
  size_t token = 0;  // its index
  char sign = '(';
  /// What stands before it: the name of the call, step, hint or setting; else empty.
  std::string_view word;
};

/// What stands before the caret in its item. It reads tokens, not a tree: what is being written is
/// seldom right.
class Caret {
 public:
  /// `offset` is in the source of `analysis`, which must outlive this.
  Caret(const Analysis& analysis, int32_t offset);

  /// The part of the word at the caret that is written already.
  dsl::SourceRange word() const { return word_; }
  bool is_in_comment() const { return is_in_comment_; }
  bool is_in_string() const { return is_in_string_; }
  /// The first word of the item, empty outside of items.
  std::string_view item() const { return tokens_.empty() ? "" : tokens_.front().text; }
  const std::vector<dsl::Token>& tokens() const { return tokens_; }
  const std::vector<OpenBracket>& open() const { return open_; }
  /// The text of a token counted from the caret: 0 is the last one; empty if there is none.
  std::string_view Before(size_t count = 0) const;
  /// The step or call whose arguments the caret is in, outside of inner calls of functions: the
  /// index in `open()`.
  std::optional<size_t> EnclosingStep() const;
  /// Whether a pipe or an arrow leads to the word before this bracket: it is a step's.
  bool IsStep(const OpenBracket& bracket) const;
  /// The words of `name =` and `name:` since this bracket was opened, and the options given.
  std::vector<std::string_view> KeysSince(const OpenBracket& bracket, std::string_view sign) const;

  /// The rows that come to the step that is being written; null where that is not known.
  std::optional<compiler::TableFact> Table(const engine::Catalog& catalog) const;

 private:
  int32_t BeginOfItem(int32_t offset) const;
  void FindOpen();
  size_t WordIndex(size_t bracket) const;

  const Analysis& analysis_;
  dsl::SourceRange word_;
  std::vector<dsl::Token> tokens_;  // of the item, up to the word
  std::vector<OpenBracket> open_;
  bool is_in_comment_ = false;
  bool is_in_string_ = false;
};

}  // namespace raceway::tools::lsp
