#include "dsl/slips.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace raceway::dsl {

namespace {

using Tokens = std::span<const Token>;

bool Opens(const Token& token) {
  return token.text == "(" || token.text == "[" || token.text == "{";
}

bool Closes(const Token& token) {
  return token.text == ")" || token.text == "]" || token.text == "}";
}

/// The bracket around the token at `index`; brackets match.
std::optional<size_t> OpenerAround(Tokens tokens, size_t index) {
  size_t depth = 0;
  for (size_t i = index; i-- > 0;) {
    if (Closes(tokens[i])) ++depth;
    if (!Opens(tokens[i])) continue;
    if (depth == 0) return i;
    --depth;
  }
  return std::nullopt;
}

std::optional<size_t> CloserOf(Tokens tokens, size_t opener) {
  size_t depth = 0;
  for (size_t i = opener; i < tokens.size(); ++i) {
    if (Opens(tokens[i])) ++depth;
    if (Closes(tokens[i]) && --depth == 0) return i;
  }
  return std::nullopt;
}

/// The word before `{`, or before the arguments before it: `anyof` in `anyof(within: 80ms) {`.
std::string_view OwnerOf(Tokens tokens, size_t opener) {
  size_t i = opener;
  if (i > 0 && tokens[i - 1].text == ")") {
    const std::optional<size_t> arguments = OpenerAround(tokens, i - 1);
    if (!arguments) return {};
    i = *arguments;
  }
  return i > 0 ? tokens[i - 1].text : std::string_view();
}

/// `rows |> map(f) |> rescue derive(…)`
bool IsPipedRescue(Tokens tokens, size_t index, Diagnostic& error) {
  if (index == 0 || index >= tokens.size()) return false;
  if (tokens[index].text != "rescue" || tokens[index - 1].text != "|>") return false;
  error.help = "`rescue` stands behind the step that it guards: `map(f) rescue derive(y = 0.0)`";
  error.edits = {{{tokens[index - 1].range.begin, tokens[index].range.begin}, ""}};
  return true;
}

/// `map(f) rescue { derive(…) }`
bool IsBracketedRescue(Tokens tokens, size_t index, Diagnostic& error) {
  if (index == 0 || index >= tokens.size() || tokens[index - 1].text != "rescue") return false;
  if (tokens[index].text != "{" && tokens[index].text != "(") return false;
  error.help = "the substitute is one step, without brackets: `rescue derive(y = 0.0)`; " +
               std::string("several steps are a flow with a name");
  if (const std::optional<size_t> closer = CloserOf(tokens, index)) {
    const bool is_last = *closer == index + 1;
    error.edits = {{{tokens[index].range.begin, tokens[index + (is_last ? 0 : 1)].range.begin}, ""},
                   {{tokens[*closer - 1].range.end, tokens[*closer].range.end}, ""}};
  }
  return true;
}

/// `anyof { map(a), map(b) }`
bool IsNamelessBranch(Tokens tokens, size_t index, Diagnostic& error) {
  const std::string_view found = index < tokens.size() ? tokens[index].text : std::string_view();
  if (found != "," && found != "}" && found != "|>") return false;
  const std::optional<size_t> opener = OpenerAround(tokens, std::min(index, tokens.size()));
  if (!opener || tokens[*opener].text != "{") return false;
  for (size_t i = index; i-- > *opener + 1;) {  // since the branch began
    if (tokens[i].text == "=>") return false;
    if (tokens[i].text == "," && OpenerAround(tokens, i) == opener) break;
  }
  const std::string_view owner = OwnerOf(tokens, *opener);
  if (owner == "anyof") {
    error.help = "a branch of `anyof` has a name: `quick => map(small)`";
  } else if (owner == "route") {
    error.help = "a branch of `route` has a value, the last one `else`: `\"en\" => map(small)`";
  }
  return owner == "anyof" || owner == "route";
}

/// `flow f(…) -> … { rows |> map(m) }`: the only `return` is missing.
bool IsLackOfReturn(Tokens tokens, size_t index, Diagnostic& error) {
  if (index >= tokens.size() || tokens.size() > 2000 || tokens.front().text != "flow") return false;
  const auto is_return = [](const Token& token) { return token.text == "return"; };
  if (std::any_of(tokens.begin(), tokens.end(), is_return)) return false;
  std::vector<Token> trial(tokens.begin(), tokens.end());
  trial.insert(trial.begin() + static_cast<std::ptrdiff_t>(index),
               {Token::Kind::kHardWord, TypeOf("return"), {}, "return"});
  if (FirstError(trial, Rule::kUnit) != kNoError) return false;
  error.help = "a flow ends with `return`: write it before `" +
               std::string(tokens[index].text.substr(0, 40)) + "`";
  const int32_t begin = tokens[index].range.begin;
  error.edits = {{{begin, begin}, "return "}};
  return true;
}

/// `sort(worst desc)`, `filter(lambda r: …)`, `a if c else b`: words of other languages.
bool IsForeignWord(Tokens tokens, size_t index, Diagnostic& error) {
  if (index == 0 || index >= tokens.size()) return false;
  const std::string_view word = tokens[index].text;
  const std::optional<size_t> opener = OpenerAround(tokens, index);
  const bool is_in_sort = opener && *opener > 0 && tokens[*opener - 1].text == "sort";
  if (is_in_sort && (word == "desc" || word == "asc" || word == "DESC" || word == "ASC")) {
    error.help = "the greatest first is `descending: x`, the smallest first plain `x`";
  } else if (tokens[index - 1].text == "lambda") {
    error.help = "columns are named directly: `filter(score > 0.5)`";
  } else if (word == "if") {
    const bool is_value = opener && tokens[*opener].text != "{";
    error.help = is_value ? "a value that depends is `if condition then a else b`"
                          : "rows part in `split(condition)` and `route(column)`";
  } else {
    return false;
  }
  return true;
}

/// `rows |> filter x > 1`; a word on the next line is another slip.
bool IsStepWithoutBrackets(Tokens tokens, size_t index, Diagnostic& error) {
  if (index < 2 || index >= tokens.size() || tokens[index - 2].text != "|>") return false;
  const Token& step = tokens[index - 1];
  const Token& found = tokens[index];
  const bool is_beside = found.range.begin == step.range.end + 1;
  if (!step.is_name() || !is_beside || found.kind == Token::Kind::kSign) return false;
  error.help =
      "what a step takes stands in brackets: `" + std::string(step.text.substr(0, 40)) + "(…)`";
  return true;
}

/// Whether `token` begins a format: `:.2f`, `!r` or, at the end, `=`.
bool BeginsFormat(Tokens tokens, size_t i) {
  const std::string_view text = tokens[i].text;
  const bool ends_behind = i + 2 >= tokens.size();
  return text == ":" || (text == "=" && i + 1 == tokens.size()) ||
         (text == "!" && i > 0 && ends_behind && tokens.back().is_name());
}

}  // namespace

bool ExplainSlip(std::span<const Token> tokens, size_t index, Diagnostic& error) {
  return IsPipedRescue(tokens, index, error) || IsBracketedRescue(tokens, index, error) ||
         IsNamelessBranch(tokens, index, error) || IsForeignWord(tokens, index, error) ||
         IsLackOfReturn(tokens, index, error) || IsStepWithoutBrackets(tokens, index, error);
}

bool ReportFormat(const Source& source, std::span<const Token> tokens, SourceRange hole,
                  Diagnostics& diagnostics) {
  size_t depth = 0;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (Opens(tokens[i])) ++depth;
    if (Closes(tokens[i]) && depth > 0) --depth;
    if (depth > 0 || i == 0 || !BeginsFormat(tokens, i)) continue;
    const SourceRange format = {tokens[i].range.begin, hole.end};
    diagnostics
        .Add(DiagnosticKind::kSyntaxError, format,
             "edition 1 has no formats in f-strings, here `" +
                 std::string(source.Text(format).substr(0, 40)) + "`")
        .help = "compute what is to be shown: `{round(x * 100.0) / 100.0}` has two digits behind " +
                std::string("the point");
    return true;
  }
  return false;
}

}  // namespace raceway::dsl
