// What a word means, and which columns a table has there.
#include <optional>
#include <string>

#include "tools/raceway/lsp/answers.h"
#include "tools/raceway/lsp/docs.h"
#include "tools/raceway/lsp/names.h"
#include "tools/raceway/lsp/shown.h"
#include "tools/raceway/lsp/walk.h"

namespace raceway::tools::lsp {
namespace {

namespace ast = dsl::ast;
using compiler::Facts;
using compiler::TableFact;

struct Hover {
  std::string text;  // Markdown
  dsl::SourceRange range;
};

bool Holds(dsl::SourceRange range, int32_t offset) {
  return range.begin <= offset && offset <= range.end;
}

std::string WithDoc(std::string_view code, std::string_view doc) {
  std::string text = AsCode(code);
  if (!doc.empty()) text += "\n\n" + std::string(doc);
  return text;
}

class HoverFinder {
 public:
  explicit HoverFinder(const Question& question)
      : analysis_(question.analysis), catalog_(question.catalog), offset_(question.Offset()) {}

  std::optional<Hover> Find() {
    FindPipe();
    for (const ast::Item& item : analysis_.parsed.file.items) {
      if (Holds(RangeOf(item), offset_)) FindIn(item);
    }
    // The author's own names come first, but a step that is a flow also tells what it gives.
    const Occurrence* occurrence = analysis_.names.At(offset_);
    if (occurrence == nullptr || is_step_) return found_;
    return OfName(*occurrence);
  }

 private:
  void Say(std::string text, dsl::SourceRange range) {
    if (Holds(range, offset_)) found_ = Hover{std::move(text), range};
  }

  const Facts::Step* FactOf(const ast::Step& step) const {
    for (const Facts::Step& fact : analysis_.facts.steps) {
      if (fact.range == step.range) return &fact;
    }
    return nullptr;
  }

  /// On `|>`: what goes through it.
  void FindPipe() {
    for (const Facts::Step& step : analysis_.facts.steps) {
      if (step.range.begin < offset_) continue;
      std::string_view gap = analysis_.source.Text({offset_ - 1, step.range.begin});
      const size_t pipe = gap.find("|>");
      if (pipe > 1 || gap.find_first_not_of(" \t\r\n", pipe + 2) != std::string_view::npos)
        continue;
      const int32_t begin = offset_ - 1 + static_cast<int32_t>(pipe);
      Say(AsCode(Shown(analysis_.facts.tables[step.before])), {begin, begin + 2});
    }
  }

  void FindIn(const ast::Item& item) {
    const bool is_fn = std::holds_alternative<ast::FnDecl>(item);
    Visitor visitor;
    visitor.step = [&](const ast::Step& step) { OfStep(step); };
    visitor.expr = [&](const ast::Expr& expr, const ast::Step* step) { OfExpr(expr, step); };
    visitor.type = [&](const ast::TypeExpr& type) { OfType(type); };
    visitor.entry = [&](const ast::Entry& entry, const ast::Entry* parent) {
      OfEntry(entry, parent, is_fn);
    };
    Visit(item, visitor);
  }

  void OfStep(const ast::Step& step) {
    if (!Holds(step.path.range, offset_)) return;
    is_step_ = true;
    const std::string name = step.path.Text();
    std::string text;
    const ast::Item* item = FindItem(analysis_.parsed.file, name);
    if (item == nullptr) item = Imported(analysis_, name);
    if (item != nullptr) {
      text = WithDoc(HeaderOf(*item, analysis_.sources.Of(RangeOf(*item))), DocOf(*item));
    } else if (const Doc* doc = FindDoc(OperatorDocs(), name)) {
      text = WithDoc(doc->form, doc->text);
    }
    if (const Facts::Step* fact = FactOf(step)) {
      const std::string_view label = fact->after.size() > 1 ? "each: " : "gives ";
      if (!fact->after.empty()) {
        text += (text.empty() ? "" : "\n\n---\n") + std::string(label) + "\n" +
                AsCode(Shown(analysis_.facts.tables[fact->after.front()]));
      }
    }
    Say(text, step.path.range);
  }

  void OfExpr(const ast::Expr& expr, const ast::Step* step) {
    if (expr.kind != ast::Expr::Kind::kCall) return;
    const ast::Expr& callee = expr.children.front();
    const bool is_aggregate = step != nullptr && step->path.Text() == "agg";
    if (const auto* aggregate = catalog_.FindAggregate(callee.text); is_aggregate && aggregate) {
      return Say(WithDoc(aggregate->signature, aggregate->doc), callee.range);
    }
    if (const auto* function = catalog_.FindColumnFunction(callee.text);
        function != nullptr && !function->is_operator) {
      return Say(WithDoc(function->signature, function->doc), callee.range);
    }
    if (const Doc* doc = FindDoc(OperatorDocs(), callee.text)) {
      std::string text = WithDoc(doc->form, doc->text);
      for (const Facts::Named& named : analysis_.facts.named) {
        if (named.range != expr.range) continue;
        text += "\n\n---\ngives \n" + AsCode(Shown(analysis_.facts.tables[named.table]));
      }
      Say(text, callee.range);
    }
  }

  void OfType(const ast::TypeExpr& type) {
    if (!type.path) return;
    if (const Doc* doc = FindDoc(TypeDocs(), type.path->Text())) {
      Say(WithDoc(doc->name, doc->text), type.path->range);
    }
  }

  void OfEntry(const ast::Entry& entry, const ast::Entry* parent, bool is_fn) {
    const std::string& key = entry.key.text;
    if (is_fn && key == "native" && entry.value) OfFunction(*entry.value);
    if (parent != nullptr) {
      if (const OptionDoc* doc = FindDoc(HintOptionDocs(), parent->key.text, key)) {
        Say(WithDoc(parent->key.text + " { " + key + ": … }", doc->text), entry.key.range);
      }
      return;
    }
    if (const Doc* doc = FindDoc(HintDocs(), key)) {
      return Say(WithDoc(doc->form, doc->text), entry.key.range);
    }
    for (const std::string_view owner : {"model", "fn"}) {
      if (const OptionDoc* doc = FindDoc(SettingDocs(), owner, key)) {
        Say(WithDoc(key + ": …", doc->text), entry.key.range);
      }
    }
  }

  /// On the name of a native function.
  void OfFunction(const ast::Expr& name) {
    for (const auto* contract : FunctionsAt(analysis_, catalog_, name.range.begin)) {
      if (contract->name != name.text) continue;
      Say(WithDoc(contract->name + ToString(engine::Schema(contract->params)) + " -> " +
                      ToString(engine::Schema(contract->results)),
                  contract->doc),
          name.range);
    }
  }

  std::optional<Hover> OfName(const Occurrence& occurrence) const {
    const Symbol& symbol = analysis_.names.symbols()[occurrence.symbol];
    if (symbol.kind == NameKind::kTable) {
      return Hover{AsCode(symbol.name + ": " + TableText(occurrence, symbol)), occurrence.range};
    }
    if (symbol.kind == NameKind::kColumn) {
      const std::string type = symbol.type.empty() ? "?" : symbol.type;
      return Hover{AsCode(symbol.name + ": " + type), occurrence.range};
    }
    const ast::Item* item = FindItem(analysis_.parsed.file, symbol.name);
    if (item == nullptr) item = Imported(analysis_, symbol.name);
    if (item == nullptr) return found_;
    const dsl::Source& source = analysis_.sources.Of(RangeOf(*item));
    return Hover{WithDoc(HeaderOf(*item, source), DocOf(*item)), occurrence.range};
  }

  /// The columns of a table: where it stands, else where it is named.
  std::string TableText(const Occurrence& occurrence, const Symbol& symbol) const {
    const TableFact* table = nullptr;
    for (const Facts::Named& named : analysis_.facts.named) {
      if (named.range == occurrence.range) return Shown(analysis_.facts.tables[named.table]);
      if (named.range == symbol.definition) table = &analysis_.facts.tables[named.table];
    }
    if (table != nullptr) return Shown(*table);
    // A parameter of a flow: what its signature says.
    for (const ast::Item& item : analysis_.parsed.file.items) {
      const auto* flow = std::get_if<ast::FlowDecl>(&item);
      if (flow == nullptr) continue;
      for (const ast::Column& param : flow->signature.params) {
        if (param.name.range == symbol.definition) {
          return std::string(analysis_.source.Text(param.type.range));
        }
      }
    }
    return "?";
  }

  const Analysis& analysis_;
  const engine::Catalog& catalog_;
  int32_t offset_;
  bool is_step_ = false;
  std::optional<Hover> found_;
};

}  // namespace

engine::Result<Json> AnswerHover(const Question& question) {
  const std::optional<Hover> hover = HoverFinder(question).Find();
  if (!hover || hover->text.empty()) return Json();
  return Json{{"contents", {{"kind", "markdown"}, {"value", hover->text}}},
              {"range", question.Range(hover->range)}};
}

}  // namespace raceway::tools::lsp
