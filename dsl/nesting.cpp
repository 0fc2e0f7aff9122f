#include "dsl/nesting.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace raceway::dsl {

namespace {

using Kind = Token::Kind;

constexpr size_t kMaxBrackets = 256;
// Signs and words that nest an expression or step without a bracket: `not`, `-`, `if`, `rescue`.
constexpr size_t kMaxPrefixes = 1000;

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

bool CheckNesting(const Source& source, std::span<const Token> tokens, Diagnostics& diagnostics) {
  return NestingChecker(source, diagnostics).Check(tokens);
}

}  // namespace raceway::dsl
