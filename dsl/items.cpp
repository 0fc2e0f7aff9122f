#include "dsl/items.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <iterator>
#include <optional>
#include <utility>

#include "dsl/literal.h"
#include "dsl/units.h"

namespace raceway::dsl {

namespace {

using Kind = Token::Kind;

constexpr size_t kMaxBrackets = 256;
// Signs and words that nest an expression or step without a bracket: `not`, `-`, `if`, `rescue`.
constexpr size_t kMaxPrefixes = 1000;

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

bool IsName(const Token& token) {
  return token.kind == Kind::kName || token.kind == Kind::kSoftWord;
}

// True if `next` may follow the item word `word`: then `word` cannot be a name here.
bool Follows(std::string_view word, const Token& next) {
  if (word == "test") return next.kind == Kind::kString || next.kind == Kind::kOpenString;
  if (word == "edition") return next.kind == Kind::kNumber;
  if (word == "defaults") return next.text == "{";
  if (word == "import" && next.text == "{") return true;
  return IsName(next);
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
    if (i == 0) return true;
    const Token& token = tokens_[i];
    if (IsItemWord(token)) {
      if (InColumn(i)) return true;
      return !IsItemWord(tokens_[i - 1]) && tokens_[i - 1].text != ":" &&
             NextFollows(i, token.text);
    }
    return InColumn(i) && StartsInside(i);
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

std::string DocLine(std::string_view comment) {
  comment.remove_prefix(3);
  if (comment.starts_with(' ')) comment.remove_prefix(1);
  while (comment.ends_with(' ') || comment.ends_with('\t')) comment.remove_suffix(1);
  return std::string(comment);
}

struct Spelling {
  std::string_view wrong;
  std::string_view right;  // empty: dropped
  std::string_view help;
};

constexpr Spelling kSpellings[] = {
    {"&&", "and", "write `and`"},
    {"||", "or", "write `or`"},
    {"!", "not", "write `not`"},
    {"|", "|>", "steps are joined by `|>`"},
    {";", "", "statements need no end: leave it out"},
    {"%", "/", "the remainder is `mod(a, b)`; a percentage is written without a space: `10%`"},
};

// Two signs without space between them.
constexpr Spelling kPairs[] = {
    {"<>", "!=", "write `!=`"},
    {">>", "|>", "steps are joined by `|>`"},
    {":=", "=", "write `=`"},
};

bool IsVisible(std::string_view character) {
  size_t end = 0;
  const char32_t c = NextCharacter(character, end);
  return c > 0x20 && c != 0x7F && !(c >= 0x80 && c <= 0xA0) && !(c >= 0x2000 && c <= 0x200F) &&
         c != 0x202F && c != 0x3000 && c != 0xFEFF;
}

std::string DescribeCharacter(std::string_view character) {
  size_t end = 0;
  const char32_t c = NextCharacter(character, end);
  std::array<char, 16> code{};
  std::snprintf(code.data(), code.size(), "U+%04X", static_cast<unsigned>(c));
  if (!IsVisible(character)) return std::string("invisible character ") + code.data();
  return "character `" + std::string(character) + "`" +
         (c < 0x80 ? "" : std::string(" (") + code.data() + ")");
}

/// The repair of one item.
class Repairer {
 public:
  Repairer(const Source& source, std::vector<Token>& tokens, Diagnostics& diagnostics)
      : source_(source), tokens_(tokens), diagnostics_(diagnostics) {}

  Repaired Run() {
    std::vector<Token> kept;
    kept.reserve(tokens_.size());
    for (size_t i = 0; i < tokens_.size() && result_ != Repaired::kNot; ++i) {
      Token token = tokens_[i];
      if (IsSplitQuantity(i)) {
        token = JoinQuantity(i);
        ++i;
      } else if (const Spelling* pair = ForeignPair(i); pair != nullptr) {
        token = JoinPair(i, *pair);
        ++i;
      } else if (!Keep(i, token)) {
        continue;
      }
      kept.push_back(token);
    }
    tokens_ = std::move(kept);
    return result_;
  }

 private:
  // False if the token is dropped.
  bool Keep(size_t i, Token& token) {
    switch (token.kind) {
      case Kind::kForeign: return KeepForeign(token, IsBetweenSteps(i) ? "|" : token.text);
      case Kind::kOpenString: return KeepOpenString(token);
      case Kind::kBad: return DropBad(token);
      case Kind::kString: return !IsOpenText(i) || ReportOpenText(token);
      default: return true;
    }
  }

  bool DropBad(const Token& token) {
    const bool visible = IsVisible(token.text);
    const std::string what = "unexpected " + DescribeCharacter(token.text);
    Diagnostic& error = Add(DiagnosticKind::kSyntaxError, token.range, what);
    if (!visible) error.Fix("write an ordinary space", " ");
    // It may have stood for an operator.
    if (visible && result_ == Repaired::kAll) result_ = Repaired::kQuietly;
    return false;
  }

  // `meant` is the spelling whose repair is due.
  bool KeepForeign(Token& token, std::string_view meant) {
    const std::string_view text = token.text;
    if (text.starts_with('#')) {
      Diagnostic& error =
          Add(DiagnosticKind::kForeignSpelling, token.range, "a comment does not begin with `#`");
      error.help = "write `//`";
      error.edits = {{{token.range.begin, token.range.begin + 1}, "//"}};
      return false;
    }
    for (const Spelling& spelling : kSpellings) {
      if (meant != spelling.wrong) continue;
      Diagnostic& error = Add(DiagnosticKind::kForeignSpelling, token.range,
                              "`" + std::string(text) + "` is not a sign of the language");
      error.help = spelling.help;
      if (text != "%") error.edits = {{token.range, SpelledAt(token, spelling.right)}};
      if (spelling.right.empty()) return false;
      Become(token, Kind::kSign, spelling.right);
      return true;
    }
    AddQuotesFix(token, Add(DiagnosticKind::kForeignSpelling, token.range,
                            "text stands between double quotes"));
    token.kind = Kind::kString;
    token.type = TypeOf(Sample::kString);
    return true;
  }

  bool KeepOpenString(Token& token) {
    Add(DiagnosticKind::kForeignSpelling, token.range, "this text has no end on its line").help =
        "close it with `\"`; a text of several lines stands between `\"\"\"`";
    token.kind = Kind::kString;
    token.type = TypeOf(Sample::kString);
    result_ = Repaired::kQuietly;
    return true;
  }

  // `"""` without an end reads as `""` and the beginning of another string.
  bool IsOpenText(size_t i) const {
    const std::string_view text = tokens_[i].text;
    return (text == "\"\"" || text == "f\"\"") && i + 1 < tokens_.size() &&
           tokens_[i + 1].range.begin == tokens_[i].range.end &&
           tokens_[i + 1].text.starts_with('"');
  }

  bool ReportOpenText(const Token& token) {
    Add(DiagnosticKind::kUnclosedBracket, {token.range.begin, token.range.end + 1},
        "this text is never closed")
        .help = "end it with `\"\"\"`";
    result_ = Repaired::kNot;
    return true;
  }

  bool IsSplitQuantity(size_t i) const {
    if (tokens_[i].kind != Kind::kNumber || i + 1 >= tokens_.size()) return false;
    const Token& unit = tokens_[i + 1];
    const std::string_view gap = source_.Text({tokens_[i].range.end, unit.range.begin});
    if (gap.find_first_not_of(" \t") != std::string_view::npos) return false;
    const std::string_view after = i + 2 < tokens_.size() ? tokens_[i + 2].text : "";
    if (unit.text == "%") {
      // What goes on behind it with an operand is a remainder.
      constexpr std::array<std::string_view, 9> kEnds = {"",   ",", ")",  "}", "]",
                                                         "..", ";", "|>", "|"};
      return std::find(kEnds.begin(), kEnds.end(), after) != kEnds.end();
    }
    return unit.kind == Kind::kName && after != ":" && after != "{" && IsUnit(unit.text);
  }

  Token JoinQuantity(size_t i) {
    Token token = tokens_[i];
    const Token& unit = tokens_[i + 1];
    token.range.end = unit.range.end;
    const std::string joined = std::string(token.text) + std::string(unit.text);
    Add(DiagnosticKind::kSyntaxError, token.range, "a number and its unit are one word")
        .Fix("write `" + joined + "`", joined);
    token.kind = Kind::kQuantity;
    token.type = TypeOf(Sample::kQuantity);
    token.text = source_.Text(token.range);
    return token;
  }

  const Spelling* ForeignPair(size_t i) const {
    if (i + 1 >= tokens_.size() || tokens_[i].range.end != tokens_[i + 1].range.begin) {
      return nullptr;
    }
    const std::string_view text = source_.Text({tokens_[i].range.begin, tokens_[i + 1].range.end});
    const auto* pair = std::find_if(std::begin(kPairs), std::end(kPairs),
                                    [text](const Spelling& p) { return p.wrong == text; });
    return pair == std::end(kPairs) ? nullptr : pair;
  }

  Token JoinPair(size_t i, const Spelling& pair) {
    Token token = tokens_[i];
    token.range.end = tokens_[i + 1].range.end;
    Add(DiagnosticKind::kForeignSpelling, token.range,
        "`" + std::string(pair.wrong) + "` is not a sign of the language")
        .Fix(std::string(pair.help), std::string(pair.right));
    Become(token, Kind::kSign, pair.right);
    return token;
  }

  // `rows ! map(…)` joins elements in GStreamer.
  bool IsBetweenSteps(size_t i) const {
    if (i == 0 || tokens_[i].text != "!") return false;
    const Token& before = tokens_[i - 1];
    return IsName(before) || before.text == ")";
  }

  static void Become(Token& token, Kind kind, std::string_view spelling) {
    token.kind = kind;
    token.type = TypeOf(spelling);
    token.text = spelling;
  }

  Diagnostic& Add(DiagnosticKind kind, SourceRange where, std::string message) {
    return diagnostics_.Add(kind, where, std::move(message));
  }

  /// A word in the place of a sign, apart from the words around it.
  std::string SpelledAt(const Token& token, std::string_view right) const {
    if (right.empty() || right == "|>") return std::string(right);
    const auto is_space = [this](int32_t offset) {
      if (offset < source_.LineStart(1) || offset >= source_.end()) return true;
      return source_.Text({offset, offset + 1}).find_first_of(" \t\r\n") == 0;
    };
    return (right == "not" || is_space(token.range.begin - 1) ? "" : " ") + std::string(right) +
           (is_space(token.range.end) ? "" : " ");
  }

  /// Double quotes for others, where the text between them holds none.
  void AddQuotesFix(const Token& token, Diagnostic& error) const {
    error.help = "write `\"…\"`";
    size_t first = 0;
    NextCharacter(token.text, first);
    size_t last = token.text.size() - 1;
    while ((token.text[last] & 0xC0) == 0x80) --last;
    const std::string_view inside = token.text.substr(first, last - first);
    if (last < first || inside.find_first_of("\"\\") != std::string_view::npos) return;
    const int32_t begin = token.range.begin;
    error.edits = {{{begin, begin + static_cast<int32_t>(first)}, "\""},
                   {{begin + static_cast<int32_t>(last), token.range.end}, "\""}};
  }

  const Source& source_;
  std::vector<Token>& tokens_;
  Diagnostics& diagnostics_;
  Repaired result_ = Repaired::kAll;
};

/// Brackets and the depth of one item.
class NestingChecker {
 public:
  NestingChecker(const Source& source, Diagnostics& diagnostics)
      : source_(source), diagnostics_(diagnostics) {}

  bool Check(std::span<const Token> tokens) {
    for (size_t i = 0; i < tokens.size(); ++i) {
      const std::string_view text = tokens[i].text;
      if (tokens[i].kind == Kind::kSign && (text == "(" || text == "[" || text == "{")) {
        open_.push_back({&tokens[i], prefixes_});
        if (open_.size() > kMaxBrackets) return TooDeep(tokens[i]);
      } else if (tokens[i].kind == Kind::kSign && (text == ")" || text == "]" || text == "}")) {
        if (!Close(tokens[i])) return false;
      } else if (text == "," || text == "|>" || text == "=>" || text == "let" || text == "return") {
        prefixes_ = open_.empty() ? 0 : open_.back().prefixes;
      } else if (IsPrefix(tokens, i) && ++prefixes_ > kMaxPrefixes) {
        return TooDeep(tokens[i]);
      }
    }
    return open_.empty() || Unclosed();
  }

 private:
  struct Opener {
    const Token* token;
    size_t prefixes;  // outside of this bracket
  };

  static bool IsPrefix(std::span<const Token> tokens, size_t i) {
    const std::string_view text = tokens[i].text;
    if (tokens[i].kind == Kind::kHardWord) return text == "not" || text == "if" || text == "rescue";
    if (text != "-" && text != "+") return false;
    // A sign is a prefix where no operand ends before it.
    const Token& before = i > 0 ? tokens[i - 1] : tokens[i];
    return (before.kind == Kind::kSign && before.text != ")" && before.text != "]" &&
            before.text != "}") ||
           before.kind == Kind::kHardWord;
  }

  static bool Matches(const Token& opener, const Token& closer) {
    const char wanted = opener.text == "(" ? ')' : opener.text == "[" ? ']' : '}';
    return closer.text.front() == wanted;
  }

  bool ClosesNothing(const Token& closer) {
    diagnostics_.Add(DiagnosticKind::kUnclosedBracket, closer.range,
                     "this `" + std::string(closer.text) + "` closes nothing");
    return false;
  }

  bool Close(const Token& closer) {
    if (open_.empty()) return ClosesNothing(closer);
    const Token& opener = *open_.back().token;
    if (!Matches(opener, closer)) {
      const bool closes_outer = std::any_of(open_.begin(), open_.end(), [&](const Opener& outer) {
        return Matches(*outer.token, closer);
      });
      if (!closes_outer) return ClosesNothing(closer);
      Diagnostic& error = diagnostics_.Add(DiagnosticKind::kUnclosedBracket, opener.range,
                                           "this `" + std::string(opener.text) + "` is not closed");
      error.notes.push_back({closer.range, "before this `" + std::string(closer.text) + "`"});
      return false;
    }
    if (!suspect_ && closer.text == "}" && IsLeftOf(closer, opener)) suspect_ = &opener;
    prefixes_ = open_.back().prefixes;
    open_.pop_back();
    return true;
  }

  bool Unclosed() {
    // A `}` further left than its opener's line says that this opener lacks its own.
    const Token& opener = suspect_ != nullptr ? *suspect_ : *open_.back().token;
    diagnostics_.Add(DiagnosticKind::kUnclosedBracket, opener.range,
                     "this `" + std::string(opener.text) + "` is never closed");
    return false;
  }

  bool TooDeep(const Token& token) {
    diagnostics_
        .Add(DiagnosticKind::kNestingTooDeep, token.range,
             "nested deeper than " +
                 std::to_string(open_.size() > kMaxBrackets ? kMaxBrackets : kMaxPrefixes) +
                 " levels")
        .help = "name the inner parts with `let`";
    return false;
  }

  /// Whether its line is indented less than the line of `opener`.
  bool IsLeftOf(const Token& closer, const Token& opener) const {
    const int32_t line = source_.LineOf(closer.range.begin);
    const int32_t opened = source_.LineOf(opener.range.begin);
    return line != opened && IndentOf(line) < IndentOf(opened);
  }

  size_t IndentOf(int32_t line) const { return source_.Line(line).find_first_not_of(" \t"); }

  const Source& source_;
  Diagnostics& diagnostics_;
  std::vector<Opener> open_;
  size_t prefixes_ = 0;
  const Token* suspect_ = nullptr;
};

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
  const std::optional<std::string_view> meant = MeantItemWord(first);
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

Repaired Repair(const Source& source, std::vector<Token>& tokens, Diagnostics& diagnostics) {
  return Repairer(source, tokens, diagnostics).Run();
}

bool CheckNesting(const Source& source, std::span<const Token> tokens, Diagnostics& diagnostics) {
  return NestingChecker(source, diagnostics).Check(tokens);
}

}  // namespace raceway::dsl
