#include "dsl/parse.h"

#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dsl/grammar.h"
#include "dsl/items.h"
#include "dsl/literal.h"
#include "dsl/nesting.h"
#include "dsl/repair.h"

namespace raceway::dsl {

namespace {

// What must hold before the lexer may see the text.
bool CheckBytes(const Source& source, Diagnostics& diagnostics) {
  const std::string& text = source.text();
  if (text.size() > static_cast<size_t>(Source::kMaxBytes)) {
    diagnostics
        .Add(DiagnosticKind::kFileTooLarge, {source.base(), source.base()},
             "the file has " + std::to_string(text.size()) + " bytes, the limit is " +
                 std::to_string(Source::kMaxBytes))
        .help = "split it and `import` the parts; data belongs into files of its own";
    return false;
  }
  const std::optional<int32_t> bad = FindInvalidUtf8(text);
  if (bad) {
    const int32_t place = source.base() + *bad;
    diagnostics
        .Add(DiagnosticKind::kInvalidUtf8, {place, place + 1},
             "the byte at offset " + std::to_string(*bad) + " is not UTF-8")
        .help = "save the file as UTF-8";
    return false;
  }
  const size_t nul = text.find('\0');
  if (nul != std::string::npos) {
    const int32_t place = source.base() + static_cast<int32_t>(nul);
    diagnostics
        .Add(DiagnosticKind::kInvalidUtf8, {place, place + 1},
             "the byte at offset " + std::to_string(nul) + " is NUL: this is not a text file")
        .help = "a flow is UTF-8 text";
    return false;
  }
  return true;
}

void SetDoc(ast::Item& item, std::string doc) {
  const auto set = [&doc](auto& declaration) {
    if constexpr (requires { declaration.doc; }) declaration.doc = std::move(doc);
  };
  std::visit(set, item);
}

void AddEdition(const EditionDecl& edition, bool is_first, ParseResult& result) {
  if (!is_first) {
    result.diagnostics.Add(DiagnosticKind::kSyntaxError, edition.range,
                           "`edition` comes once, before everything else");
    return;
  }
  result.file.edition = edition.edition;
  result.file.edition_range = edition.range;
}

/// Of a test.
std::string TitleOf(const ItemTokens& item) {
  if (item.tokens.size() < 2 || item.tokens[1].kind != Token::Kind::kString) return "";
  const std::string_view quoted = item.tokens[1].text;
  const SourceRange content = StringContent(quoted);
  return Unescape(quoted.substr(static_cast<size_t>(content.begin),
                                static_cast<size_t>(content.end - content.begin)));
}

// The name that an item would have declared.
void NoteLostName(const ItemTokens& item, ParseResult& result) {
  if (!item.tokens.empty() && item.tokens.front().text == "test") {
    return result.lost_tests.push_back(TitleOf(item));
  }
  if (item.tokens.size() < 2) return;
  const Token& name = item.tokens[1];
  std::string_view text = name.text;
  if (name.kind != Token::Kind::kName && name.kind != Token::Kind::kSoftWord) return;
  if (text.size() > 1 && text.front() == '`') text = text.substr(1, text.size() - 2);
  result.lost_names.emplace_back(text);
}

/// `is_cut_off`: a comment without an end took what came behind it.
void ParseItem(const Source& source, ItemTokens item, bool is_first, bool is_cut_off,
               ParseResult& result) {
  Diagnostics found;
  Diagnostics quiet;
  const Repaired repaired = Repair(source, item.tokens, found);
  std::optional<Unit> unit;
  if (!item.tokens.empty() && repaired != Repaired::kNot && RepairItemWord(item, quiet) &&
      CheckNesting(source, item.tokens, quiet)) {
    unit = ParseUnit(source, item.tokens, quiet);
  }
  if (repaired == Repaired::kAll && (unit || !is_cut_off)) found.Append(quiet);
  const bool is_test = !item.tokens.empty() && item.tokens.front().text == "test";
  is_test ? result.diagnostics.AppendOfTest(found) : result.diagnostics.Append(found);
  if (!unit) {
    NoteLostName(item, result);
  } else if (const EditionDecl* edition = std::get_if<EditionDecl>(&*unit)) {
    AddEdition(*edition, is_first, result);
  } else {
    SetDoc(std::get<ast::Item>(*unit), std::move(item.doc));
    result.file.items.push_back(std::get<ast::Item>(std::move(*unit)));
  }
}

/// One mistake: what the comment took with it is not missed.
void ReportOpenComment(const Source& source, SourceRange opening, ParseResult& result) {
  result.diagnostics.Add(DiagnosticKind::kUnclosedBracket, opening, "this comment is never closed")
      .help = "comments nest: each `/*` needs its `*/`";
  const LexResult inside = Lex(source, {opening.end, source.end()});
  for (const ItemTokens& item : CutItems(source, inside.tokens)) NoteLostName(item, result);
}

}  // namespace

ParseResult Parse(const Source& source) {
  ParseResult result;
  result.file.edition_range = {source.LineStart(1), source.LineStart(1)};
  if (!CheckBytes(source, result.diagnostics)) return result;
  const std::lock_guard lock(GrammarMutex());
  const SourceRange whole = {source.LineStart(1), source.end()};
  const LexResult lexed = Lex(source, whole);
  if (lexed.open_comment) ReportOpenComment(source, *lexed.open_comment, result);
  std::vector<ItemTokens> items = CutItems(source, lexed.tokens);
  for (size_t i = 0; i < items.size(); ++i) {
    const bool is_cut_off = lexed.open_comment && i + 1 == items.size();
    ParseItem(source, std::move(items[i]), i == 0, is_cut_off, result);
  }
  return result;
}

}  // namespace raceway::dsl
