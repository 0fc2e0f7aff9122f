#include "dsl/items.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace raceway::dsl {

namespace {

using Kind = Token::Kind;

constexpr std::array<std::string_view, 10> kItemWords = {
    "edition", "import", "param", "defaults", "schema", "store", "model", "fn", "flow", "test"};

// What an item is called elsewhere.
constexpr std::pair<std::string_view, std::string_view> kItemAliases[] = {
    {"pipeline", "flow"}, {"workflow", "flow"},  {"def", "fn"},          {"func", "fn"},
    {"function", "fn"},   {"struct", "schema"},  {"table", "schema"},    {"type", "schema"},
    {"const", "param"},   {"include", "import"}, {"version", "edition"}, {"task", "fn"},
    {"step", "fn"},       {"dag", "flow"}};

bool IsItemWord(const Token& token) {
  return token.kind == Kind::kSoftWord &&
         std::find(kItemWords.begin(), kItemWords.end(), token.text) != kItemWords.end();
}

// True if `next` may follow the item word `word`: then `word` cannot be a name here.
bool Follows(std::string_view word, const Token& next) {
  if (word == "test") return next.kind == Kind::kString || next.kind == Kind::kOpenString;
  if (word == "edition") return next.kind == Kind::kNumber;
  if (word == "defaults") return next.text == "{";
  if (word == "import" && next.text == "{") return true;
  return next.is_name();
}

// The item word that `token` was meant to be.
std::optional<std::string_view> MeantItemWord(const Token& token) {
  if (token.kind != Kind::kName) return std::nullopt;
  for (const auto& [alias, word] : kItemAliases) {
    if (token.text == alias) return word;
  }
  static const std::vector<std::string> kWords(kItemWords.begin(), kItemWords.end());
  const std::vector<std::string> near = DidYouMean(token.text, kWords);
  if (near.empty()) return std::nullopt;
  return *std::find(kItemWords.begin(), kItemWords.end(), near.front());
}

/// Walks over the tokens and says where an item begins.
class ItemFinder {
 public:
  ItemFinder(const Source& source, std::span<const Token> tokens)
      : source_(source), tokens_(tokens) {
    if (!tokens.empty()) column_ = source.PositionOf(tokens.front().range.begin).column;
  }

  // To be asked for each token in turn.
  bool StartsItem(size_t i) {
    const Token& token = tokens_[i];
    const bool starts = depth_ == 0 ? StartsOutside(i) : InColumn(i) && StartsInside(i);
    if (starts) depth_ = 0;
    if (token.kind == Kind::kSign) Count(token.text);
    return starts;
  }

 private:
  bool StartsOutside(size_t i) const {
    if (i == 0 || IsBehindEdition(i)) return true;
    const Token& token = tokens_[i];
    if (IsItemWord(token)) {
      if (InColumn(i)) return true;
      return !IsItemWord(tokens_[i - 1]) && tokens_[i - 1].text != ":" &&
             NextFollows(i, token.text);
    }
    return InColumn(i) && StartsInside(i);
  }

  // `edition 1` is whole, whatever comes in the next line.
  bool IsBehindEdition(size_t i) const {
    return i == 2 && tokens_[0].text == "edition" && tokens_[1].kind == Kind::kNumber &&
           InColumn(i);
  }

  // In the column of items; perhaps inside of a bracket that was not closed.
  bool StartsInside(size_t i) const {
    const Token& token = tokens_[i];
    if (IsItemWord(token)) return NextFollows(i, token.text);
    const std::optional<std::string_view> meant = MeantItemWord(token);
    return meant && NextFollows(i, *meant);
  }

  bool NextFollows(size_t i, std::string_view word) const {
    return i + 1 < tokens_.size() && Follows(word, tokens_[i + 1]);
  }

  bool InColumn(size_t i) const {
    const int32_t begin = tokens_[i].range.begin;
    const std::string_view gap = i == 0 ? "\n" : source_.Text({tokens_[i - 1].range.end, begin});
    if (gap.find('\n') == std::string_view::npos) return false;
    return source_.PositionOf(begin).column == column_;
  }

  void Count(std::string_view sign) {
    if (sign == "(" || sign == "[" || sign == "{") ++depth_;
    if ((sign == ")" || sign == "]" || sign == "}") && depth_ > 0) --depth_;
  }

  const Source& source_;
  std::span<const Token> tokens_;
  int32_t column_ = 1;
  size_t depth_ = 0;
};

/// Whether it has a body of steps: what a `def` with one is here called `flow`.
bool HasStatements(const ItemTokens& item) {
  return std::any_of(item.tokens.begin(), item.tokens.end(), [](const Token& token) {
    return token.kind == Kind::kHardWord && (token.text == "let" || token.text == "return");
  });
}

std::string DocLine(std::string_view comment) {
  comment.remove_prefix(3);
  if (comment.starts_with(' ')) comment.remove_prefix(1);
  while (comment.ends_with(' ') || comment.ends_with('\t')) comment.remove_suffix(1);
  return std::string(comment);
}

}  // namespace

std::vector<ItemTokens> CutItems(const Source& source, std::span<const Token> tokens) {
  std::vector<Token> words;
  std::vector<std::pair<size_t, std::string>> docs;  // index of the token behind, line
  for (const Token& token : tokens) {
    if (token.kind == Kind::kDoc) {
      docs.emplace_back(words.size(), DocLine(token.text));
    } else {
      words.push_back(token);
    }
  }
  std::vector<ItemTokens> items;
  ItemFinder finder(source, words);
  auto doc = docs.begin();
  for (size_t i = 0; i < words.size(); ++i) {
    const bool starts = finder.StartsItem(i);
    if (starts) items.emplace_back();
    for (; doc != docs.end() && doc->first == i; ++doc) {
      if (!starts) continue;  // a misplaced one documents nothing
      std::string& text = items.back().doc;
      text += (text.empty() ? "" : "\n") + doc->second;
    }
    items.back().tokens.push_back(words[i]);
  }
  return items;
}

bool RepairItemWord(ItemTokens& item, Diagnostics& diagnostics) {
  Token& first = item.tokens.front();
  if (IsItemWord(first)) return true;
  std::optional<std::string_view> meant = MeantItemWord(first);
  if (meant == "fn" && HasStatements(item)) meant = "flow";
  const bool repaired = meant && item.tokens.size() > 1 && Follows(*meant, item.tokens[1]);
  if (!repaired) {
    diagnostics
        .Add(DiagnosticKind::kSyntaxError, first.range,
             "expected an item, found `" + std::string(first.text.substr(0, 40)) + "`")
        .help =
        "items begin with `flow`, `model`, `fn`, `schema`, `param`, `store`, `import`, "
        "`defaults` or `test`";
    return false;
  }
  diagnostics
      .Add(DiagnosticKind::kSyntaxError, first.range,
           "expected an item, found `" + std::string(first.text) + "`")
      .Fix("did you mean `" + std::string(*meant) + "`?", std::string(*meant));
  first.kind = Kind::kSoftWord;
  first.type = TypeOf(*meant);
  first.text = *meant;
  return true;
}

}  // namespace raceway::dsl
