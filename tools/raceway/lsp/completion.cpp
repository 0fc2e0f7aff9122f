// What may stand at the caret.
#include <algorithm>
#include <cctype>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "tools/raceway/lsp/answers.h"
#include "tools/raceway/lsp/caret.h"
#include "tools/raceway/lsp/docs.h"
#include "tools/raceway/lsp/shown.h"

namespace raceway::tools::lsp {
namespace {

namespace ast = dsl::ast;
using compiler::TableFact;

// Kinds of completions of the protocol.
enum ItemKind {
  kFunction = 3,
  kField = 5,
  kVariable = 6,
  kClass = 7,
  kProperty = 10,
  kUnit = 11,
  kKeyword = 14,
  kEnumMember = 20,
  kConstant = 21,
  kStruct = 22,
  kOperator = 24,
};

class Completer {
 public:
  explicit Completer(const Question& question)
      : question_(question), caret_(question.analysis, question.Offset()) {}

  Json Run() {
    if (caret_.is_in_comment()) return items_;
    if (caret_.is_in_string()) {
      OfString();
    } else if (IsQuantity()) {
      Units();
    } else if (caret_.open().empty()) {
      OutsideOfBrackets();
    } else {
      switch (caret_.open().back().sign) {
        case '(': InParentheses(caret_.open().back()); break;
        case '[': InSquareBrackets(); break;
        default: InBraces(caret_.open().back()); break;
      }
    }
    return items_;
  }

 private:
  // --- what there is ---

  /// `order` sorts: what is near comes first.
  void Add(std::string_view label, ItemKind kind, std::string_view detail, std::string_view doc,
           int order = 5) {
    if (!seen_.emplace(label).second) return;
    const dsl::SourceRange word = caret_.word();
    const std::string text =
        kind == kField && label.find('.') != std::string_view::npos ? std::string(label)
        : kind == kUnit || kind == kKeyword || kind == kOperator    ? std::string(label)
                                                                    : Quoted(label);
    Json item = {{"label", label},
                 {"kind", static_cast<int>(kind)},
                 {"sortText", std::to_string(order) + std::string(label)},
                 {"textEdit", {{"range", question_.Range(word)}, {"newText", text}}}};
    if (!detail.empty()) item["detail"] = detail;
    if (!doc.empty()) item["documentation"] = {{"kind", "markdown"}, {"value", doc}};
    items_.push_back(std::move(item));
  }

  void Words(std::initializer_list<std::string_view> words) {
    for (const std::string_view word : words) Add(word, kKeyword, {}, {});
  }

  void Docs(std::span<const Doc> docs, ItemKind kind) {
    for (const Doc& doc : docs) Add(doc.name, kind, doc.form, doc.text);
  }

  void Options(std::span<const OptionDoc> docs, std::string_view owner) {
    for (const OptionDoc& doc : docs) {
      if (doc.owner == owner) Add(doc.name, kProperty, {}, doc.text, 3);
    }
  }

  template <typename Decl>
  void Items(ItemKind kind, int order = 4) {
    for (const ast::Item& item : question_.analysis.parsed.file.items) {
      const Decl* decl = std::get_if<Decl>(&item);
      if (decl == nullptr) continue;
      Add(decl->name.text, kind, HeaderOf(item, question_.analysis.source), decl->doc, order);
    }
  }

  /// Those that the `fn` at the caret may name.
  std::vector<const engine::FunctionContract*> Functions() const {
    return FunctionsAt(question_.analysis, question_.catalog, caret_.word().begin);
  }

  void Units() {
    const std::string word(question_.analysis.source.Text(caret_.word()));
    size_t digits = 0;
    while (digits < word.size() && std::isdigit(static_cast<unsigned char>(word[digits])) != 0) {
      ++digits;
    }
    for (const Doc& doc : UnitDocs()) {
      Add(word.substr(0, digits) + std::string(doc.name), kUnit, {}, doc.text);
    }
  }

  bool IsQuantity() const {
    const std::string_view word = question_.analysis.source.Text(caret_.word());
    return !word.empty() && std::isdigit(static_cast<unsigned char>(word.front())) != 0;
  }

  void Types() {
    Docs(TypeDocs(), kKeyword);
    Words({"stream"});
  }

  void Steps() {
    Docs(OperatorDocs(), kOperator);
    Items<ast::FlowDecl>(kFunction);
  }

  /// What a pipeline may begin with.
  void Tables() {
    for (const ast::Item& item : question_.analysis.parsed.file.items) {
      const auto* flow = std::get_if<ast::FlowDecl>(&item);
      if (flow != nullptr && flow->range.begin <= caret_.word().begin &&
          caret_.word().begin <= flow->range.end) {
        for (const ast::Column& param : flow->signature.params) {
          Add(param.name.text, kVariable, {}, {}, 1);
        }
      }
    }
    TablesOfTokens();
    for (const std::string_view name : {"union", "join"}) {
      const Doc* doc = FindDoc(OperatorDocs(), name);
      Add(name, kOperator, doc->form, doc->text);
    }
    Items<ast::FlowDecl>(kFunction);
  }

  /// The tables of a flow that is being written: `let a`, `let (a, b)`, `(rows: …)` before `->`.
  void TablesOfTokens() {
    const std::vector<dsl::Token>& tokens = caret_.tokens();
    if (caret_.item() != "flow" && caret_.item() != "test") return;
    bool is_signature = caret_.item() == "flow";
    int depth = 0;
    for (size_t i = 0; i < tokens.size(); ++i) {
      const std::string_view text = tokens[i].text;
      if (text == "(" || text == "{") ++depth;
      if (text == ")" || text == "}") --depth;
      if (text == "->" || (text == ")" && depth == 0)) is_signature = false;
      const bool is_param =
          is_signature && depth == 1 && i > 0 && text == ":" && tokens[i - 1].text != ")";
      if (is_param || (i > 0 && text == ":" && i > 1 && tokens[i - 2].text == "given")) {
        Add(tokens[i - 1].text, kVariable, {}, {}, 1);
      }
      if (text != "let") continue;
      for (size_t j = i + 1; j < tokens.size() && tokens[j].text != "="; ++j) {
        const bool is_name = tokens[j].kind == dsl::Token::Kind::kName ||
                             tokens[j].kind == dsl::Token::Kind::kSoftWord;
        if (is_name) Add(tokens[j].text, kVariable, {}, {}, 1);
      }
    }
  }

  void Columns(int order = 1) {
    const std::optional<TableFact> table = caret_.Table(question_.catalog);
    if (!table) return;
    for (const TableFact::Column& column : table->columns) {
      Add(column.name, kField, column.type, {}, order);
    }
  }

  /// Columns, and what one can make of them.
  void Expression() {
    if (const std::optional<size_t> step = caret_.EnclosingStep()) {
      const OpenBracket& bracket = caret_.open()[*step];
      Columns();
      if (bracket.word == "derive") {
        for (const std::string_view name : caret_.KeysSince(bracket, "=")) {
          Add(name, kField, {}, {}, 1);
        }
      }
      if (bracket.word == "agg") {
        for (const engine::AggregateContract& aggregate : question_.catalog.aggregates()) {
          Add(aggregate.name, kFunction, aggregate.signature, aggregate.doc, 2);
        }
      }
    }
    Items<ast::ParamDecl>(kConstant, 2);
    for (const engine::ColumnFunctionContract& function : question_.catalog.column_functions()) {
      if (!function.is_operator) {
        Add(function.name, kFunction, function.signature, function.doc, 4);
      }
    }
    Words({"if", "then", "else", "and", "or", "not", "in", "is", "true", "false", "null"});
  }

  // --- where the caret is ---

  void OfString() {
    const std::string_view key = caret_.Before(2);
    if (key != "native" || caret_.Before(1) != ":") return;
    for (const engine::FunctionContract* function : Functions()) {
      // Inside the quotes the name stands as it is.
      Json item = {{"label", function->name},
                   {"kind", static_cast<int>(kFunction)},
                   {"detail", ToString(engine::Schema(function->params)) + " -> " +
                                  ToString(engine::Schema(function->results))},
                   {"documentation", function->doc}};
      const int32_t begin = caret_.tokens().back().range.begin + 1;
      item["textEdit"] = {{"range", question_.Range({begin, caret_.word().end})},
                          {"newText", function->name}};
      items_.push_back(std::move(item));
    }
  }

  void OutsideOfBrackets() {
    const std::string_view last = caret_.Before();
    if (last == ":" || (last == "->" && caret_.item() != "flow")) return Types();
    if (last == "->") {
      Items<ast::SchemaDecl>(kStruct, 1);
      return Words({"stream"});
    }
    if (caret_.item() == "flow" && last == ")") return Words({"with"});
    const int32_t column = question_.analysis.source.PositionOf(caret_.word().begin).column;
    if (column == 1 || caret_.tokens().empty()) Docs(ItemDocs(), kKeyword);
  }

  void InParentheses(const OpenBracket& bracket) {
    const std::string_view last = caret_.Before();
    if (last == "|>") return Steps();
    if (caret_.IsStep(bracket)) return InStep(bracket);
    if (TakesTables(bracket.word) && !caret_.EnclosingStep()) return InTables(bracket);
    if (caret_.open().size() == 1 && IsSignature(bracket)) {
      if (last != ":") return;
      if (caret_.item() == "flow") return Items<ast::SchemaDecl>(kStruct, 1);
      return Types();
    }
    Expression();
  }

  /// The parentheses of `model f(…) -> (…)`.
  bool IsSignature(const OpenBracket& bracket) const {
    return bracket.token == 2 || caret_.tokens()[bracket.token - 1].text == "->";
  }

  bool TakesTables(std::string_view name) const {
    if (name == "union" || name == "join") return true;
    const ast::Item* item = FindItem(question_.analysis.parsed.file, name);
    return item != nullptr && std::holds_alternative<ast::FlowDecl>(*item);
  }

  void InTables(const OpenBracket& bracket) {
    const std::string_view last = caret_.Before();
    if (last == ":") return OptionValue(bracket);
    if (last != "(" && last != ",") return;
    Tables();
    if (last == ",") Options(OperatorOptionDocs(), bracket.word);
  }

  void InStep(const OpenBracket& bracket) {
    const std::string_view last = caret_.Before();
    const bool is_first = last == "(";
    if (last == ":") return OptionValue(bracket);
    if (bracket.word == "map" && is_first) {
      Items<ast::ModelDecl>(kClass, 1);
      return Items<ast::FnDecl>(kFunction, 1);
    }
    if (bracket.word == "lookup" && is_first) return Items<ast::StoreDecl>(kClass, 1);
    if (TakesTables(bracket.word)) return InTables(bracket);
    if (is_first || last == ",") {
      Options(OperatorOptionDocs(), bracket.word);
      if (bracket.word == "map") return ParamsOf(bracket);
    }
    Expression();
  }

  /// The parameters of the function that is applied, as options.
  void ParamsOf(const OpenBracket& bracket) {
    const std::string_view name = caret_.tokens()[bracket.token + 1].text;
    const ast::Item* item = FindItem(question_.analysis.parsed.file, name);
    if (item == nullptr) return;
    const auto* model = std::get_if<ast::ModelDecl>(item);
    const auto* fn = std::get_if<ast::FnDecl>(item);
    const ast::Signature* signature = fn != nullptr ? &fn->signature : nullptr;
    if (model != nullptr && model->signature) signature = &*model->signature;
    if (signature == nullptr) return;
    for (const ast::Column& param : signature->params) {
      Add(param.name.text, kProperty, question_.analysis.source.Text(param.type.range),
          "A parameter: which column it gets.", 2);
    }
  }

  void OptionValue(const OpenBracket& bracket) {
    const std::string_view key = caret_.Before(1);
    if (key == "how") return Words({"inner", "left", "full"});
    if (key == "miss") return Words({"fail", "drop", "null"});
    if (key == "replace") return Words({"true", "false"});
    if (key == "on" && bracket.word == "join" && !caret_.IsStep(bracket)) return;
    Expression();
  }

  void InSquareBrackets() {
    if (caret_.EnclosingStep()) return Expression();
    Items<ast::ParamDecl>(kConstant, 1);
  }

  void InBraces(const OpenBracket& bracket) {
    const std::string_view last = caret_.Before();
    if (bracket.word == "with") return Docs(HintDocs(), kProperty);
    if (FindDoc(HintDocs(), bracket.word) != nullptr && bracket.token > 1) {
      return InHint(bracket);
    }
    const size_t depth = caret_.open().size();
    const std::string_view item = caret_.item();
    if (depth == 1 && (item == "model" || item == "fn" || item == "store")) {
      return InSettings();
    }
    if (depth == 1 && item == "defaults") return Docs(HintDocs(), kProperty);
    if (last == "|>" || last == "=>") return Steps();
    if (item == "schema" || IsRecord(bracket)) {
      if (last == ":") Types();
      return;
    }
    if (depth == 1 && item == "flow") return InBody();
    if (depth == 1 && item == "test") return InTest();
    // The branches of `route`.
    if (last == "{" || last == ",") Words({"else"});
  }

  /// `{ column: type }` in a signature.
  bool IsRecord(const OpenBracket& bracket) const {
    const std::string_view before = caret_.tokens()[bracket.token - 1].text;
    return before == ":" || before == "->" || before == "stream";
  }

  void InHint(const OpenBracket& bracket) {
    if (caret_.Before() != ":") return Options(HintOptionDocs(), bracket.word);
    const std::string_view key = caret_.Before(1);
    if (key == "device") return Words({"cpu", "gpu"});
    if (key == "policy") return Words({"adaptive", "always", "never"});
    if (key == "priority") return Words({"low", "normal", "high"});
    if (key == "near" || key == "with") {
      Items<ast::StoreDecl>(kClass);
      Items<ast::ModelDecl>(kClass);
      return Items<ast::FnDecl>(kFunction);
    }
    Words({"true", "false"});
  }

  void InSettings() {
    if (caret_.Before() == ":") {
      if (caret_.Before(1) == "device") Words({"cpu", "gpu"});
      return;
    }
    Options(SettingDocs(), caret_.item());
    Docs(HintDocs(), kProperty);
    if (caret_.item() == "fn") SettingsOfNative();
  }

  void SettingsOfNative() {
    const std::vector<dsl::Token>& tokens = caret_.tokens();
    for (size_t i = 2; i < tokens.size(); ++i) {
      if (tokens[i - 2].text != "native" || tokens[i].text.size() < 2) continue;
      const std::string_view name = tokens[i].text.substr(1, tokens[i].text.size() - 2);
      for (const engine::FunctionContract* function : Functions()) {
        if (function->name != name) continue;
        for (const engine::SettingContract& setting : function->settings) {
          Add(setting.name, kProperty, {}, setting.doc, 2);
        }
      }
    }
  }

  void InBody() {
    const std::string_view last = caret_.Before();
    if (last == "=" || last == "return") return Tables();
    if (last == "let") return;
    Words({"let", "return", "with", "rescue", "as"});
  }

  void InTest() {
    const std::string_view last = caret_.Before();
    if (last == "stub") {
      Items<ast::ModelDecl>(kClass);
      return Items<ast::FnDecl>(kFunction);
    }
    if (last == "=" || last == "expect") {
      Tables();
      return Words({"count", "calls", "args", "latency"});
    }
    Words({"stub", "given", "let", "expect"});
  }

  const Question& question_;
  Caret caret_;
  std::set<std::string, std::less<>> seen_;
  Json items_ = Json::array();
};

}  // namespace

engine::Result<Json> AnswerCompletion(const Question& question) {
  return Json{{"isIncomplete", false}, {"items", Completer(question).Run()}};
}

}  // namespace raceway::tools::lsp
