#include "dsl/repair.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

#include "dsl/literal.h"
#include "dsl/units.h"

namespace raceway::dsl {

namespace {

using Kind = Token::Kind;

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
    {"<>", "!=", "write `!=`"}, {">>", "|>", "steps are joined by `|>`"},
    {":=", "=", "write `=`"},   {"=!", "!=", "write `!=`"},
    {"=<", "<=", "write `<=`"},
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
    if (pair == std::end(kPairs) || IsDefinitionOfNot(i)) return nullptr;
    return pair;
  }

  /// `bad =!good` is `bad = not good`, while `id =! 2` and `id =!2` are meant to compare.
  bool IsDefinitionOfNot(size_t i) const {
    if (tokens_[i].text != "=" || tokens_[i + 1].text != "!" || i + 2 >= tokens_.size()) {
      return false;
    }
    const Token& next = tokens_[i + 2];
    const bool touches = next.range.begin == tokens_[i + 1].range.end;
    return touches && (next.is_name() || next.text == "(");
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
    return before.is_name() || before.text == ")";
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

}  // namespace

Repaired Repair(const Source& source, std::vector<Token>& tokens, Diagnostics& diagnostics) {
  return Repairer(source, tokens, diagnostics).Run();
}

}  // namespace raceway::dsl
