#include "dsl/format.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "dsl/comments.h"
#include "dsl/grammar.h"
#include "dsl/items.h"
#include "dsl/layout.h"
#include "dsl/token_tree.h"

namespace raceway::dsl {
namespace {

constexpr int kColumns = 100;

Layout Text(std::string_view text) { return {Layout::Kind::kText, std::string(text), {}}; }
Layout Break(Layout::Kind kind) { return {kind, "", {}}; }
Layout When(Layout::Kind kind, std::string text) { return {kind, std::move(text), {}}; }
Layout Of(Layout::Kind kind, std::vector<Layout> parts) { return {kind, "", std::move(parts)}; }

/// Tokens → layout. Trusts that they parse.
class Formatter {
 public:
  Formatter(const Source& source, std::vector<Token> tokens)
      : comments_(CommentsAround(source, tokens)), tokens_(std::move(tokens)) {}

  /// `items` say where each item begins and ends.
  Layout File(const std::vector<TokenSpan>& items, bool has_edition) {
    Layout file;
    if (!has_edition) file.parts = {Text("edition 1"), Break(kHardLine)};
    for (size_t k = 0; k < items.size(); ++k) {
      if (k == (has_edition ? 1 : 0)) file.parts.push_back(Break(kBlank));
      file.parts.push_back(Leading(items[k].begin, true));
      file.parts.push_back(Item(items[k]));
      file.parts.push_back(Break(kHardLine));
    }
    if (items.size() < 2) file.parts.push_back(Break(kBlank));
    file.parts.push_back(CommentsBefore(tokens_.size(), true));
    for (const std::string& comment : comments_.back().inside) {
      file.parts.push_back(When(Layout::Kind::kOwnLine, comment));
    }
    return file;
  }

 private:
  static constexpr Layout::Kind kGroup = Layout::Kind::kGroup;
  static constexpr Layout::Kind kConcat = Layout::Kind::kConcat;
  static constexpr Layout::Kind kIndent = Layout::Kind::kIndent;
  static constexpr Layout::Kind kLine = Layout::Kind::kLine;
  static constexpr Layout::Kind kSoftLine = Layout::Kind::kSoftLine;
  static constexpr Layout::Kind kHardLine = Layout::Kind::kHardLine;
  static constexpr Layout::Kind kBlank = Layout::Kind::kBlank;

  // Single tokens.

  /// The comments on lines of their own before a token.
  Layout CommentsBefore(size_t i, bool keep_blank_lines) {
    Layout layout;
    for (const Comment& comment : std::exchange(comments_[i].before, {})) {
      if (comment.after_blank_line && keep_blank_lines) layout.parts.push_back(Break(kBlank));
      layout.parts.push_back(When(Layout::Kind::kOwnLine, comment.text));
    }
    return layout;
  }

  /// What stands between the start of a line and the token that is first in it. `is_next`: it is
  /// not the first line of its block.
  Layout Leading(size_t i, bool is_next) {
    Layout layout;
    if (comments_[i].before.empty()) {
      if (is_next && comments_[i].after_blank_line) layout.parts.push_back(Break(kBlank));
      return layout;
    }
    if (!is_next) comments_[i].before.front().after_blank_line = false;
    layout = CommentsBefore(i, true);
    if (comments_[i].after_blank_line) layout.parts.push_back(Break(kBlank));
    return layout;
  }

  /// The comments behind a token.
  Layout Ending(size_t i) const {
    Layout layout;
    for (const std::string& comment : comments_[i].after) {
      layout.parts.push_back(When(Layout::Kind::kEndOfLine, comment));
    }
    return layout;
  }

  /// The token with its comments.
  Layout Word(size_t i) {
    Layout layout = CommentsBefore(i, false);
    for (const std::string& comment : std::exchange(comments_[i].inside, {})) {
      if (i > 0 && !tokens_.IsOpen(i - 1)) layout.parts.push_back(Break(Layout::Kind::kSpace));
      layout.parts.push_back(Text(comment));
      if (!tokens_.IsClosed(i) && tokens_.At(i) != ",")
        layout.parts.push_back(Break(Layout::Kind::kSpace));
    }
    layout.parts.push_back(Text(tokens_.At(i)));
    layout.parts.push_back(Ending(i));
    return layout;
  }

  /// The comments of a comma that is written elsewhere or not at all: the first ends the line, if
  /// none does yet.
  Layout DroppedComma(size_t i) {
    Layout layout;
    bool is_ended = !comments_[i - 1].after.empty();
    const auto add = [&](const std::string& comment) {
      if (is_ended) layout.parts.push_back(Break(kHardLine));
      layout.parts.push_back(
          When(is_ended ? Layout::Kind::kOwnLine : Layout::Kind::kEndOfLine, comment));
      is_ended = true;
    };
    for (const Comment& comment : comments_[i].before) add(comment.text);
    for (const std::string& comment : comments_[i].inside) add(comment);
    for (const std::string& comment : comments_[i].after) add(comment);
    return layout;
  }

  // Expressions and pipelines.

  /// Tokens with the spaces between them, brackets laid out.
  Layout Words(TokenSpan span) {
    Layout layout;
    for (size_t i = span.begin; i < span.end; ++i) {
      if (i > span.begin && tokens_.HasSpaceBefore(i))
        layout.parts.push_back(Break(Layout::Kind::kSpace));
      if (!tokens_.IsOpen(i)) {
        layout.parts.push_back(Word(i));
        continue;
      }
      layout.parts.push_back(Bracket(i));
      i = tokens_.Partner(i);
    }
    return layout;
  }

  /// `first`, then each part from one of `cuts` to the next on a line of its own, further in.
  template <typename Print>
  Layout Broken(TokenSpan span, const std::vector<size_t>& cuts, Print print) {
    if (cuts.empty()) return print(span);
    Layout rest = Of(kIndent, {});
    for (size_t k = 0; k < cuts.size(); ++k) {
      const size_t end = k + 1 < cuts.size() ? cuts[k + 1] : span.end;
      rest.parts.push_back(Break(kLine));
      rest.parts.push_back(print({cuts[k], end}));
    }
    return Of(kGroup, {print({span.begin, cuts.front()}), std::move(rest)});
  }

  /// May break before `then` and `else`, then before `or`, `and` and `??`.
  Layout Expression(TokenSpan span, size_t level = 0) {
    constexpr std::array<std::array<std::string_view, 2>, 4> kLevels = {
        {{"then", "else"}, {"or", "or"}, {"and", "and"}, {"??", "??"}}};
    if (level == kLevels.size()) return Words(span);
    const auto is_cut = [&](size_t i) {
      return i > span.begin && IsOneOf(tokens_.At(i), kLevels[level]) && !tokens_.IsKey(i);
    };
    return Broken(span, tokens_.Cuts(span, is_cut),
                  [&](TokenSpan part) { return Expression(part, level + 1); });
  }

  /// One step a line if the whole does not fit on one.
  Layout Pipeline(TokenSpan span) {
    const std::vector<size_t> pipes =
        tokens_.Cuts(span, [&](size_t i) { return i > span.begin && tokens_.Is(i, "|>"); });
    return Broken(span, pipes, [this](TokenSpan part) { return Expression(part); });
  }

  // Brackets.

  /// A bracket and its entries: on one line, or one entry a line.
  Layout Bracket(size_t open) {
    const size_t close = tokens_.Partner(open);
    const bool is_brace = tokens_.Is(open, "{");
    const std::vector<TokenSpan> entries = tokens_.Entries(open, in_import_);
    const bool ends_line = !comments_[open].after.empty();
    Layout group = Of(kGroup, {Word(open)});
    if (!entries.empty()) {
      group.parts.push_back(EntryList(open, entries));
    }
    if (!comments_[close].before.empty()) {
      group.parts.push_back(Of(kIndent, {Break(kHardLine), CommentsBefore(close, true)}));
      group.parts.push_back(Break(kHardLine));
    } else if (!entries.empty() || ends_line) {
      group.parts.push_back(Break(is_brace && !entries.empty() ? kLine : kSoftLine));
    }
    group.parts.push_back(Word(close));
    return group;
  }

  Layout EntryList(size_t open, const std::vector<TokenSpan>& entries) {
    const bool is_brace = tokens_.Is(open, "{");
    const bool is_filled = tokens_.Is(open, "[") && IsPlain({open, tokens_.Partner(open)}) &&
                           std::all_of(entries.begin(), entries.end(), IsShort);
    const bool drops_commas = is_brace && !tokens_.IsBranches(open);
    Layout list = Of(kIndent, {});
    for (size_t k = 0; k < entries.size(); ++k) {
      const TokenSpan entry = entries[k];
      const bool is_last = k + 1 == entries.size();
      Layout break_before = Break(k > 0 || is_brace ? kLine : kSoftLine);
      Layout printed = Of(kConcat, {Leading(entry.begin, k > 0), Pipeline(entry)});
      if (is_last) {
        if (!drops_commas && tokens_.TakesLastComma(open)) {
          printed.parts.push_back(When(Layout::Kind::kIfBroken, ","));
        }
      } else {
        printed.parts.push_back(drops_commas ? When(Layout::Kind::kIfFlat, ",") : Text(","));
      }
      if (tokens_.Is(entry.end, ",")) printed.parts.push_back(DroppedComma(entry.end));
      if (is_filled && k > 0) {
        list.parts.push_back(Of(kGroup, {std::move(break_before), std::move(printed)}));
      } else {
        list.parts.push_back(std::move(break_before));
        list.parts.push_back(std::move(printed));
      }
    }
    return list;
  }

  bool IsPlain(TokenSpan span) const {
    return std::all_of(comments_.begin() + static_cast<std::ptrdiff_t>(span.begin),
                       comments_.begin() + static_cast<std::ptrdiff_t>(span.end),
                       [](const TokenComments& comments) {
                         return comments.before.empty() && comments.inside.empty() &&
                                comments.after.empty();
                       });
  }

  /// Numbers and the like: as many on a line as fit.
  static bool IsShort(TokenSpan entry) { return entry.end - entry.begin <= 2; }

  // Items and statements.

  Layout Item(TokenSpan item) {
    in_import_ = tokens_.Is(item.begin, "import");
    const bool has_body = tokens_.Is(item.begin, "flow") || tokens_.Is(item.begin, "test");
    if (!has_body) return Words(item);
    size_t open = item.begin;  // of the last bracket
    for (const size_t i : tokens_.Cuts(item, [this](size_t i) { return tokens_.IsOpen(i); }))
      open = i;
    const size_t close = tokens_.Partner(open);
    Layout layout = Words({item.begin, open});
    layout.parts.push_back(Break(Layout::Kind::kSpace));
    const bool ends_line = !comments_[open].after.empty();
    layout.parts.push_back(Word(open));
    if (close > open + 1 || ends_line || !comments_[close].before.empty()) {
      layout.parts.push_back(Body({open + 1, close}));
      layout.parts.push_back(Break(kHardLine));
    }
    layout.parts.push_back(Word(close));
    return layout;
  }

  Layout Body(TokenSpan body) {
    Layout layout = Of(kIndent, {});
    const std::vector<size_t> starts = tokens_.Statements(body);
    for (size_t k = 0; k < starts.size(); ++k) {
      const TokenSpan statement = {starts[k], k + 1 < starts.size() ? starts[k + 1] : body.end};
      layout.parts.push_back(Break(kHardLine));
      layout.parts.push_back(Leading(statement.begin, k > 0));
      layout.parts.push_back(Statement(statement));
    }
    layout.parts.push_back(Break(kHardLine));
    layout.parts.push_back(CommentsBefore(body.end, !starts.empty()));
    return layout;
  }

  Layout Statement(TokenSpan statement) {
    tokens_.MarkKeyword(statement.begin);
    const std::vector<size_t> commas =
        tokens_.Cuts(statement, [this](size_t i) { return tokens_.Is(i, ","); });
    if (!tokens_.Is(statement.begin, "return") || commas.empty()) return Pipeline(statement);
    const bool drops_last = commas.back() + 1 == statement.end;
    const size_t last = drops_last ? commas.back() : statement.end;
    Layout results = Of(kIndent, {});
    for (size_t begin = statement.begin + 1, k = 0; begin < last; ++k) {
      const size_t end = k < commas.size() ? commas[k] : last;
      results.parts.push_back(Break(kLine));
      results.parts.push_back(Leading(begin, k > 0));
      results.parts.push_back(Pipeline({begin, end}));
      if (end < last) results.parts.push_back(Text(","));
      if (end < last) results.parts.push_back(DroppedComma(end));
      begin = end + 1;
    }
    Layout layout = Of(kGroup, {Word(statement.begin), std::move(results)});
    return drops_last ? Of(kConcat, {std::move(layout), DroppedComma(last)}) : layout;
  }

  std::vector<TokenComments> comments_;
  TokenTree tokens_;
  bool in_import_ = false;
};

}  // namespace

std::optional<std::string> Format(const Source& source, const ParseResult& parsed) {
  if (parsed.diagnostics.has_errors()) return std::nullopt;
  std::vector<Token> tokens;
  std::vector<TokenSpan> items;
  {
    const std::lock_guard lock(GrammarMutex());
    const SourceRange whole = {source.LineStart(1), source.end()};
    tokens = Lex(source, whole).tokens;
  }
  for (const ItemTokens& item : CutItems(source, tokens)) {
    const size_t begin = items.empty() ? 0 : items.back().end;
    items.push_back({begin, begin + item.tokens.size()});
  }
  std::erase_if(tokens, [](const Token& token) { return token.kind == Token::Kind::kDoc; });
  Formatter formatter(source, std::move(tokens));
  return PrintLayout(formatter.File(items, parsed.file.edition.has_value()), kColumns);
}

}  // namespace raceway::dsl
