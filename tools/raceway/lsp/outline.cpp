// The shape of a file: its outline, what folds, and what each `map` adds.
#include <string>
#include <variant>
#include <vector>

#include "tools/raceway/lsp/answers.h"
#include "tools/raceway/lsp/shown.h"
#include "tools/raceway/lsp/walk.h"

namespace raceway::tools::lsp {
namespace {

namespace ast = dsl::ast;

// Kinds of symbols of the protocol.
enum SymbolKind {
  kModule = 2,
  kNamespace = 3,
  kClass = 5,
  kField = 8,
  kFunction = 12,
  kVariable = 13,
  kConstant = 14,
  kObject = 19,
  kStruct = 23,
  kEvent = 24,
};

Json SymbolOf(const Question& question, const std::string& name, SymbolKind kind,
              dsl::SourceRange whole, dsl::SourceRange selection) {
  return {{"name", name.empty() ? "?" : name},
          {"kind", static_cast<int>(kind)},
          {"range", question.Range(whole)},
          {"selectionRange", question.Range(selection)}};
}

Json ColumnsOf(const Question& question, const std::vector<ast::Column>& columns) {
  Json children = Json::array();
  for (const ast::Column& column : columns) {
    Json child = SymbolOf(question, column.name.text, kField, column.range, column.name.range);
    child["detail"] = question.analysis.source.Text(column.type.range);
    children.push_back(std::move(child));
  }
  return children;
}

Json LetsOf(const Question& question, const ast::FlowDecl& flow) {
  Json children = Json::array();
  for (const ast::Stmt& stmt : flow.body) {
    const auto* let = std::get_if<ast::Let>(&stmt);
    if (let == nullptr) continue;
    for (const ast::Name& name : let->names) {
      children.push_back(SymbolOf(question, name.text, kVariable, name.range, name.range));
    }
  }
  return children;
}

/// The item as an entry of the outline.
struct SymbolMaker {
  const Question& question;

  Json operator()(const ast::ParamDecl& d) const { return Named(d, kConstant); }
  Json operator()(const ast::SchemaDecl& d) const {
    Json symbol = Named(d, kStruct);
    symbol["children"] = ColumnsOf(question, d.record.columns);
    return symbol;
  }
  Json operator()(const ast::StoreDecl& d) const { return Named(d, kObject); }
  Json operator()(const ast::ModelDecl& d) const { return Named(d, kClass); }
  Json operator()(const ast::FnDecl& d) const { return Named(d, kFunction); }
  Json operator()(const ast::FlowDecl& d) const {
    Json symbol = Named(d, kFunction);
    symbol["children"] = LetsOf(question, d);
    return symbol;
  }
  Json operator()(const ast::ImportDecl& d) const {
    return SymbolOf(question, d.from, kModule, d.range, d.range);
  }
  Json operator()(const ast::DefaultsDecl& d) const {
    return SymbolOf(question, "defaults", kNamespace, d.range, d.range);
  }
  Json operator()(const ast::TestDecl& d) const {
    return SymbolOf(question, d.title, kEvent, d.range, d.range);
  }

 private:
  template <typename Decl>
  Json Named(const Decl& decl, SymbolKind kind) const {
    return SymbolOf(question, decl.name.text, kind, decl.range, decl.name.range);
  }
};

}  // namespace

engine::Result<Json> AnswerSymbols(const Question& question) {
  Json symbols = Json::array();
  for (const ast::Item& item : question.analysis.parsed.file.items) {
    symbols.push_back(std::visit(SymbolMaker{question}, item));
  }
  return symbols;
}

engine::Result<Json> AnswerFolding(const Question& question) {
  const Text& text = question.document.text();
  const auto line_of = [&](int32_t offset) { return text.PlaceOf(offset, question.encoding).line; };
  Json folds = Json::array();
  std::vector<int32_t> open;
  const dsl::Source source("", text.content());
  for (const dsl::Token& token : Lexed(source, {source.LineStart(1), source.end()}).tokens) {
    if (token.kind != dsl::Token::Kind::kSign) continue;
    if (token.text == "(" || token.text == "[" || token.text == "{") {
      open.push_back(token.range.begin);
    } else if (!open.empty() && (token.text == ")" || token.text == "]" || token.text == "}")) {
      const int64_t first = line_of(open.back());
      const int64_t last = line_of(token.range.begin);
      open.pop_back();
      // The line with the closing bracket stays to be seen.
      if (last - first > 1) folds.push_back({{"startLine", first}, {"endLine", last - 1}});
    }
  }
  return folds;
}

engine::Result<Json> AnswerInlayHints(const Question& question) {
  dsl::SourceRange shown =
      ToRange(question.params.at("range"), question.document.text(), question.encoding);
  shown = {question.analysis.layout.ToSource(shown.begin),
           question.analysis.layout.ToSource(shown.end)};
  const compiler::Facts& facts = question.analysis.facts;
  Json hints = Json::array();
  for (const compiler::Facts::Step& step : facts.steps) {
    const bool is_map = question.analysis.source.Text(step.range).starts_with("map");
    if (!is_map || step.after.empty()) continue;
    if (step.range.end < shown.begin || step.range.begin > shown.end) continue;
    std::string added;
    for (const auto& column : facts.tables[step.after.front()].columns) {
      const auto* old = facts.tables[step.before].Find(column.name);
      if (old != nullptr && old->id == column.id) continue;
      added += (added.empty() ? "+ " : ", ") + column.name + ": " + column.type;
    }
    if (added.empty()) continue;
    hints.push_back({{"position", question.Range(step.range).at("end")},
                     {"label", added},
                     {"paddingLeft", true}});
  }
  return hints;
}

}  // namespace raceway::tools::lsp
