#include "dsl/syntax_error.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dsl/slips.h"

namespace raceway::dsl {

namespace {

/// What could stand in the place of a token that is wrong there.
class Expectation {
 public:
  Expectation(std::span<const Token> tokens, size_t index, Rule rule)
      : trial_(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(index)),
        index_(index),
        rule_(rule) {}

  // "a name", "`,` or `)`"; empty if there is nothing short to say.
  std::string Describe() {
    if (index_ > kMaxTokens) return "";
    const bool name = Fits(Sample::kName);
    const bool expression = name && Fits(Sample::kText);
    if (expression) {
      said_.push_back("an expression");
    } else if (name) {
      said_.push_back(NameOfName());
    } else if (Fits(Sample::kString)) {
      said_.push_back("a string");
    } else if (Fits(Sample::kInt)) {
      said_.push_back("a number");
    }
    AddSigns(expression, name);
    if (said_.empty() && Fits("+")) {
      said_.push_back(rule_ == Rule::kHole ? "`}`" : "an operator");
    }
    return Join();
  }

 private:
  static constexpr size_t kMaxTokens = 2000;  // each trial parses them all once more
  static constexpr size_t kMaxSaid = 5;

  bool Fits(size_t type) {
    trial_.push_back({Token::Kind::kSign, type, {}, {}});
    const size_t error = FirstError(trial_, rule_);
    trial_.pop_back();
    return error > index_;  // kNoError is greater than all
  }
  bool Fits(Sample sample) { return Fits(TypeOf(sample)); }
  bool Fits(std::string_view spelling) { return Fits(TypeOf(spelling)); }

  std::string NameOfName() {
    const std::string_view before = index_ > 0 ? trial_.back().text : std::string_view();
    if (before == "|>" || before == "=>" || before == "rescue") return "an operator";
    if (Fits("with") && Fits("rescue") && Fits("then")) return "a setting";
    if (before == ":" || before == "->" || before == "stream") return "a type";
    if (Fits(Sample::kInt)) return "a dimension";
    return "a name";
  }

  void AddSigns(bool expression, bool name) {
    // After an operand nearly everything fits: say only how it could end.
    const bool after_operand = !expression && Fits("+");
    AddIfFits(",");
    const bool in_list = !said_.empty() && said_.back() == "`,`";
    if (after_operand && !in_list) AddIfFits("|>");
    for (const std::string_view closer : {")", "]", "}"}) AddIfFits(closer);
    if (!after_operand || said_.empty()) {
      for (const std::string_view sign : {":", "=", "->"}) AddIfFits(sign);
    }
    AddIfFits("=>");
    if (name) return AddOpeners(expression || after_operand);
    if (!in_list) AddWords();
    if (!after_operand) AddOpeners(expression);
  }

  void AddWords() {
    for (const std::string_view word : {"then", "else", "from", "let", "return"}) AddIfFits(word);
  }

  void AddOpeners(bool expression) {
    // An expression and a type may begin with a bracket.
    if (expression || (!said_.empty() && said_.front() == "a type")) return;
    for (const std::string_view sign : {"{", "(", "..."}) AddIfFits(sign);
  }

  void AddIfFits(std::string_view sign) {
    if (said_.size() < kMaxSaid && Fits(sign)) said_.push_back("`" + std::string(sign) + "`");
  }

  std::string Join() const {
    std::string text;
    for (size_t i = 0; i < said_.size(); ++i) {
      if (i > 0) text += i + 1 == said_.size() ? " or " : ", ";
      text += said_[i];
    }
    return text;
  }

  std::vector<Token> trial_;
  size_t index_;
  Rule rule_;
  std::vector<std::string> said_;
};

/// A sign that makes the whole item right, before the wrong token or in its place.
class Correction {
 public:
  Correction(std::span<const Token> tokens, size_t index, Rule rule)
      : tokens_(tokens), index_(index), rule_(rule) {}

  /// Adds help and edit to `error`, if there is one.
  void Suggest(Diagnostic& error) const {
    if (index_ == 0 || tokens_.size() > kMaxTokens) return;
    for (const std::string_view sign : {",", ":", "->", "=>", "|>", "="}) {
      if (!Fits(sign, false)) continue;
      const int32_t end = tokens_[index_ - 1].range.end;
      const bool touches = index_ < tokens_.size() && tokens_[index_].range.begin == end;
      const bool is_tight = sign == "," || sign == ":";
      error.help = "write `" + std::string(sign) + "` before it";
      error.edits = {
          {{end, end}, (is_tight ? "" : " ") + std::string(sign) + (touches ? " " : "")}};
      return;
    }
    if (index_ >= tokens_.size()) return;
    for (const auto& [wrong, right] : kConfused) {
      if (tokens_[index_].text != wrong || !Fits(right, true)) continue;
      return error.Fix("write `" + std::string(right) + "` in its place", std::string(right));
    }
  }

 private:
  static constexpr size_t kMaxTokens = 2000;  // each trial parses them all once more
  static constexpr std::pair<std::string_view, std::string_view> kConfused[] = {
      {"=", "=="},         {"=", ":"},           {":", "=>"},
      {":", "->"},         {":", "="},           {"->", "=>"},
      {"=>", "->"},        {"assert", "expect"}, {"require", "expect"},
      {"check", "expect"}, {"mock", "stub"}};

  bool Fits(std::string_view sign, bool replaces) const {
    const auto at = [this](size_t i) { return tokens_.begin() + static_cast<std::ptrdiff_t>(i); };
    std::vector<Token> trial(tokens_.begin(), at(index_));
    trial.push_back({Token::Kind::kSign, TypeOf(sign), {}, sign});
    const size_t next = replaces ? index_ + 1 : index_;
    trial.insert(trial.end(), at(std::min(next, tokens_.size())), tokens_.end());
    return FirstError(trial, rule_) == kNoError;
  }

  std::span<const Token> tokens_;
  size_t index_;
  Rule rule_;
};

std::string Found(std::span<const Token> tokens, size_t index, Rule rule) {
  constexpr size_t kMaxShown = 40;
  if (index >= tokens.size()) {
    return rule == Rule::kHole ? "the end of the hole" : "the end of the item";
  }
  const std::string_view text = tokens[index].text;
  size_t end = std::min({text.find('\n'), text.size(), kMaxShown});
  if (end == text.size()) return "`" + std::string(text) + "`";
  while (end > 0 && (text[end] & 0xC0) == 0x80) --end;
  return "`" + std::string(text.substr(0, end)) + "…`";
}

std::string HelpFor(std::span<const Token> tokens, size_t index, const std::string& expected) {
  if (index >= tokens.size()) return "";
  const Token& token = tokens[index];
  if (token.kind == Token::Kind::kHardWord && expected.starts_with("a name")) {
    return "`" + std::string(token.text) +
           "` is a word of the language; as a name it stands in backquotes";
  }
  if (token.text == "?") return "a choice is `if condition then a else b`";
  const bool touches = index > 0 && tokens[index - 1].range.end == token.range.begin;
  if (touches && token.kind == Token::Kind::kQuantity) {
    return "a quantity has one number and one unit: `90min`, not `1h30m`";
  }
  return "";
}

// Where the text ends too early: the place behind the last token.
SourceRange PlaceOf(std::span<const Token> tokens, size_t index) {
  if (index < tokens.size()) return tokens[index].range;
  return {tokens.back().range.end, tokens.back().range.end + 1};
}

}  // namespace

void ReportSyntaxError(std::span<const Token> tokens, size_t index, Rule rule,
                       Diagnostics& diagnostics) {
  const std::string expected = Expectation(tokens, index, rule).Describe();
  const std::string found = Found(tokens, index, rule);
  std::string message = "expected " + expected + ", found " + found;
  if (expected.empty()) message = found + " does not belong here";
  Diagnostic& error =
      diagnostics.Add(DiagnosticKind::kSyntaxError, PlaceOf(tokens, index), std::move(message));
  error.help = HelpFor(tokens, index, expected);
  if (error.help.empty() && (rule == Rule::kHole || !ExplainSlip(tokens, index, error))) {
    Correction(tokens, index, rule).Suggest(error);
  }
}

}  // namespace raceway::dsl
