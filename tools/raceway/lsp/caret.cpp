#include "tools/raceway/lsp/caret.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>
#include <variant>

#include "compiler/check/check.h"
#include "tools/raceway/lsp/salvage.h"
#include "tools/raceway/lsp/shown.h"

namespace raceway::tools::lsp {
namespace {

using dsl::Token;

/// Stands for the step that is being written; no name of anybody's.
constexpr std::string_view kCaret = "raceway_caret_";

constexpr std::array<std::string_view, 10> kItemWords = {
    "edition", "import", "param", "defaults", "schema", "store", "model", "fn", "flow", "test"};

bool IsWordCharacter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || (c & 0x80) != 0;
}

bool BeginsItem(std::string_view line) {
  return std::any_of(kItemWords.begin(), kItemWords.end(), [&](std::string_view word) {
    return line.starts_with(word) &&
           (line.size() == word.size() || !IsWordCharacter(line[word.size()]));
  });
}

bool LeadsToStep(std::string_view sign) { return sign == "|>" || sign == "=>" || sign == "rescue"; }

bool IsName(const Token& token) {
  return token.kind == Token::Kind::kName || token.kind == Token::Kind::kSoftWord;
}

}  // namespace

Caret::Caret(const Analysis& analysis, int32_t offset) : analysis_(analysis) {
  const std::string& text = analysis.source.text();
  const int32_t base = analysis.source.base();
  int32_t begin = offset;
  while (begin > base && IsWordCharacter(text[static_cast<size_t>(begin - base) - 1])) --begin;
  word_ = {begin, offset};
  const dsl::LexResult lexed = Lexed(analysis.source, {BeginOfItem(begin), begin});
  is_in_comment_ = lexed.open_comment.has_value();
  tokens_ = lexed.tokens;
  std::erase_if(tokens_, [](const Token& token) { return token.kind == Token::Kind::kDoc; });
  const int32_t last = tokens_.empty() ? BeginOfItem(begin) : tokens_.back().range.end;
  // A comment is no token.
  const std::string_view gap = analysis.source.Text({last, begin});
  const size_t comment = gap.rfind("//");
  is_in_comment_ |= comment != std::string_view::npos && gap.find('\n', comment) == gap.npos;
  is_in_string_ = !tokens_.empty() && tokens_.back().kind == Token::Kind::kOpenString;
  FindOpen();
}

/// The last line before `offset` that begins with a word of items.
int32_t Caret::BeginOfItem(int32_t offset) const {
  const dsl::Source& source = analysis_.source;
  for (int32_t line = source.LineOf(offset); line > 1; --line) {
    if (BeginsItem(source.Line(line))) return source.LineStart(line);
  }
  return source.LineStart(1);
}

size_t Caret::WordIndex(size_t bracket) const {
  return bracket > 0 && IsName(tokens_[bracket - 1]) ? bracket - 1 : bracket;
}

void Caret::FindOpen() {
  for (size_t i = 0; i < tokens_.size(); ++i) {
    if (tokens_[i].kind != Token::Kind::kSign) continue;
    const std::string_view sign = tokens_[i].text;
    if (sign == "(" || sign == "[" || sign == "{") {
      OpenBracket bracket{i, sign.front(), {}};
      const bool has_word = i > 0 && (IsName(tokens_[i - 1]) || tokens_[i - 1].text == "with");
      if (has_word) bracket.word = tokens_[i - 1].text;
      open_.push_back(bracket);
    } else if ((sign == ")" || sign == "]" || sign == "}") && !open_.empty()) {
      open_.pop_back();
    }
  }
}

std::string_view Caret::Before(size_t count) const {
  return count < tokens_.size() ? tokens_[tokens_.size() - 1 - count].text : "";
}

bool Caret::IsStep(const OpenBracket& bracket) const {
  if (bracket.sign != '(' || bracket.word.empty()) return false;
  const size_t word = WordIndex(bracket.token);
  if (word == bracket.token || word == 0) return false;
  // `img.decode(…)` is a path.
  const size_t first = word >= 2 && tokens_[word - 1].text == "." ? word - 2 : word;
  return first > 0 && LeadsToStep(tokens_[first - 1].text);
}

std::optional<size_t> Caret::EnclosingStep() const {
  for (size_t i = open_.size(); i-- > 0;) {
    if (IsStep(open_[i])) return i;
    if (open_[i].sign == '{') return std::nullopt;
  }
  return std::nullopt;
}

std::vector<std::string_view> Caret::KeysSince(const OpenBracket& bracket,
                                               std::string_view sign) const {
  std::vector<std::string_view> keys;
  int depth = 0;
  for (size_t i = bracket.token + 1; i < tokens_.size(); ++i) {
    const std::string_view text = tokens_[i].text;
    if (text == "(" || text == "[" || text == "{") ++depth;
    if (text == ")" || text == "]" || text == "}") --depth;
    if (depth == 0 && text == sign && IsName(tokens_[i - 1])) keys.push_back(tokens_[i - 1].text);
  }
  return keys;
}

std::optional<compiler::TableFact> Caret::Table(const engine::Catalog& catalog) const {
  // The step's name is replaced by a mark, what follows is cut off, what is open is closed.
  size_t cut = tokens_.size();
  if (const std::optional<size_t> step = EnclosingStep()) {
    cut = WordIndex(open_[*step].token);
  } else if (!LeadsToStep(Before())) {
    return std::nullopt;
  }
  if (tokens_.empty()) return std::nullopt;
  const int32_t begin = tokens_.front().range.begin;
  const int32_t end = cut < tokens_.size() ? tokens_[cut].range.begin : word_.begin;
  std::string text(analysis_.source.Text({begin, end}));
  const size_t mark = text.size();
  text += std::string(kCaret);
  text += Closed(std::span(tokens_).first(cut));
  const dsl::Source source("", std::move(text), analysis_.sources.NextBase());
  dsl::ParseResult parsed = analysis_.parsed;
  std::erase_if(parsed.file.items,
                [&](const dsl::ast::Item& item) { return RangeOf(item).begin == begin; });
  dsl::ParseResult item = dsl::Parse(source);
  if (item.file.items.size() != 1) return std::nullopt;
  parsed.file.items.push_back(std::move(item.file.items.front()));
  compiler::Facts facts;
  compiler::CheckOptions options;
  options.facts = &facts;
  compiler::Modules modules = analysis_.modules;
  modules.all.back().parsed = std::move(parsed);
  compiler::Check(modules, false, catalog, options);
  const int32_t place = source.base() + static_cast<int32_t>(mark);
  for (const compiler::Facts::Step& fact : facts.steps) {
    if (fact.range.begin == place) return facts.tables[fact.before];
  }
  return std::nullopt;
}

}  // namespace raceway::tools::lsp
