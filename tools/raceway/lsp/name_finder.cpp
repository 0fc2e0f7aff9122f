#include "tools/raceway/lsp/name_finder.h"

#include <algorithm>
#include <numeric>
#include <type_traits>
#include <variant>

#include "dsl/print.h"

namespace raceway::tools::lsp {

using compiler::Facts;
using compiler::TableFact;
using dsl::SourceRange;

NameFinder::NameFinder(const ast::File& file, const Facts& facts) : file_(file), facts_(facts) {
  for (const Facts::Step& step : facts.steps) steps_[step.range.begin] = &step;
  for (const Facts::Named& named : facts.named) named_[named.range.begin] = named.table;
}

NameIndex NameFinder::Run() {
  for (const ast::Item& item : file_.items) Declare(item);
  for (const ast::Item& item : file_.items) Walk(item);
  const auto is_before = [](const Occurrence& a, const Occurrence& b) {
    return a.range.begin < b.range.begin;
  };
  std::stable_sort(index_.occurrences_.begin(), index_.occurrences_.end(), is_before);
  return std::move(index_);
}

// --- symbols ---

size_t NameFinder::AddSymbol(NameKind kind, const std::string& name, SourceRange definition) {
  index_.symbols_.push_back({kind, name, {}, definition, false});
  index_.parents_.push_back(index_.parents_.size());
  return index_.symbols_.size() - 1;
}

size_t NameFinder::SymbolOf(SourceRange origin, const std::string& name) {
  const auto [entry, is_new] = columns_.try_emplace({origin.begin, name}, 0);
  if (is_new) entry->second = AddSymbol(NameKind::kColumn, name, {});
  return entry->second;
}

size_t NameFinder::SymbolOf(const TableFact::Column& column) {
  const size_t symbol = SymbolOf(column.origin, column.name);
  std::string& type = index_.symbols_[symbol].type;
  if (type.empty()) type = column.type;
  return symbol;
}

NameFinder::Columns NameFinder::ColumnsOf(const TableFact& table) {
  Columns columns;
  for (const TableFact::Column& column : table.columns) columns[column.name] = SymbolOf(column);
  return columns;
}

void NameFinder::Note(SourceRange range, size_t symbol, bool is_definition) {
  index_.occurrences_.push_back({range, symbol, is_definition});
  if (is_definition) index_.symbols_[symbol].definition = range;
}

bool NameFinder::NoteItem(const std::string& name, SourceRange range) {
  const auto item = items_.find(name);
  if (item == items_.end()) return false;
  Note(range, item->second);
  return true;
}

bool NameFinder::NoteTable(const std::string& name, SourceRange range) {
  const auto table = tables_.find(name);
  if (table == tables_.end()) return false;
  Note(range, table->second);
  return true;
}

const Facts::Step* NameFinder::FactOf(const ast::Step& step) const {
  const auto fact = steps_.find(step.range.begin);
  return fact == steps_.end() ? nullptr : fact->second;
}

bool NameFinder::TakesTables(const std::string& op) const {
  return op == "union" || op == "join" || flows_.contains(op);
}

const std::vector<ast::Column>* NameFinder::RowsOf(const ast::TypeExpr& type) const {
  if (type.record) return &type.record->columns;
  if (!type.path) return nullptr;
  const auto schema = schemas_.find(type.path->Text());
  return schema == schemas_.end() ? nullptr : &schema->second->record.columns;
}

const ast::Signature* NameFinder::FunctionOf(const ast::Step& step) const {
  if (step.args.empty() || step.args.front().kind != ast::Arg::Kind::kPositional) return nullptr;
  const auto function = functions_.find(step.args.front().value.head.text);
  return function == functions_.end() ? nullptr : function->second;
}

// --- items ---

void NameFinder::DeclareColumns(const std::vector<ast::Column>& columns) {
  for (const ast::Column& column : columns) {
    const size_t symbol = SymbolOf(column);
    index_.symbols_[symbol].type = dsl::PrintType(column.type);
    Note(column.name.range, symbol, true);
  }
}

void NameFinder::DeclareRecord(const ast::TypeExpr& type) {
  if (type.record) DeclareColumns(type.record->columns);
}

void NameFinder::Declare(const ast::Item& item) {
  const auto add = [&](const ast::Name& name, NameKind kind) {
    const auto [entry, is_new] = items_.try_emplace(name.text, 0);
    const size_t symbol = AddSymbol(kind, name.text, name.range);
    if (is_new) entry->second = symbol;
    Note(name.range, symbol, true);
    return is_new;
  };
  const auto declare = [&](const auto& decl) {
    using Decl = std::decay_t<decltype(decl)>;
    if constexpr (std::is_same_v<Decl, ast::ParamDecl>) {
      add(decl.name, NameKind::kParam);
    } else if constexpr (std::is_same_v<Decl, ast::SchemaDecl>) {
      if (add(decl.name, NameKind::kSchema)) schemas_[decl.name.text] = &decl;
      DeclareColumns(decl.record.columns);
    } else if constexpr (std::is_same_v<Decl, ast::StoreDecl> ||
                         std::is_same_v<Decl, ast::FnDecl>) {
      constexpr bool kIsStore = std::is_same_v<Decl, ast::StoreDecl>;
      if (add(decl.name, kIsStore ? NameKind::kStore : NameKind::kFn)) {
        functions_[decl.name.text] = &decl.signature;
      }
      DeclareColumns(decl.signature.params);
      DeclareColumns(decl.signature.results);
    } else if constexpr (std::is_same_v<Decl, ast::ModelDecl>) {
      if (add(decl.name, NameKind::kModel) && decl.signature) {
        functions_[decl.name.text] = &*decl.signature;
      }
      if (decl.signature) DeclareColumns(decl.signature->params);
      if (decl.signature) DeclareColumns(decl.signature->results);
    } else if constexpr (std::is_same_v<Decl, ast::FlowDecl>) {
      if (add(decl.name, NameKind::kFlow)) flows_[decl.name.text] = &decl;
      for (const ast::Column& param : decl.signature.params) DeclareRecord(param.type);
      if (decl.signature.result_type) DeclareRecord(*decl.signature.result_type);
    } else if constexpr (std::is_same_v<Decl, ast::ImportDecl>) {
      for (const ast::Name& name : decl.names) add(name, NameKind::kImport);
    }
  };
  std::visit(declare, item);
}

void NameFinder::Walk(const ast::Item& item) {
  const auto walk = [&](const auto& decl) {
    using Decl = std::decay_t<decltype(decl)>;
    if constexpr (std::is_same_v<Decl, ast::ParamDecl>) {
      WalkType(decl.type);
    } else if constexpr (std::is_same_v<Decl, ast::SchemaDecl>) {
      for (const ast::Column& column : decl.record.columns) WalkType(column.type);
    } else if constexpr (std::is_same_v<Decl, ast::StoreDecl> ||
                         std::is_same_v<Decl, ast::FnDecl>) {
      WalkSignature(decl.signature);
      WalkBlock(decl.block);
    } else if constexpr (std::is_same_v<Decl, ast::ModelDecl>) {
      if (decl.signature) WalkSignature(*decl.signature);
      WalkBlock(decl.block);
    } else if constexpr (std::is_same_v<Decl, ast::DefaultsDecl>) {
      WalkBlock(decl.block);
    } else if constexpr (std::is_same_v<Decl, ast::FlowDecl>) {
      WalkFlow(decl);
    } else if constexpr (std::is_same_v<Decl, ast::TestDecl>) {
      WalkTest(decl);
    }
  };
  std::visit(walk, item);
}

void NameFinder::WalkSignature(const ast::Signature& signature) {
  for (const ast::Column& column : signature.params) WalkType(column.type);
  for (const ast::Column& column : signature.results) WalkType(column.type);
  if (signature.result_type) WalkType(*signature.result_type);
}

void NameFinder::WalkType(const ast::TypeExpr& type) {
  if (type.path) NoteItem(type.path->Text(), type.path->range);
  if (type.record) {
    for (const ast::Column& column : type.record->columns) WalkType(column.type);
  }
  for (const ast::Dim& dim : type.dims) WalkDim(dim);
}

void NameFinder::WalkDim(const ast::Dim& dim) {
  if (dim.kind == ast::Dim::Kind::kName) NoteItem(dim.text, dim.range);
  for (const ast::Dim& child : dim.children) WalkDim(child);
}

/// Hints may name other items: `place { near: shelf }`.
void NameFinder::WalkBlock(const ast::Block& block) {
  for (const ast::Entry& entry : block.entries) {
    if (entry.block) WalkBlock(*entry.block);
    const bool names_item = entry.key.text == "near" || entry.key.text == "with";
    if (names_item && entry.value && entry.value->kind == ast::Expr::Kind::kName) {
      NoteItem(entry.value->text, entry.value->range);
    }
  }
}

void NameFinder::WalkFlow(const ast::FlowDecl& flow) {
  tables_.clear();
  WalkSignature(flow.signature);
  for (const ast::Column& param : flow.signature.params) {
    tables_[param.name.text] = AddSymbol(NameKind::kTable, param.name.text, param.name.range);
    Note(param.name.range, tables_[param.name.text], true);
  }
  if (flow.with) WalkBlock(*flow.with);
  for (const ast::Stmt& stmt : flow.body) {
    if (const auto* let = std::get_if<ast::Let>(&stmt)) {
      WalkLet(*let);
      continue;
    }
    for (const ast::ReturnValue& value : std::get<ast::Return>(stmt).values) {
      WalkPipeline(value.value);
      const TableFact* end = EndOf(value.value);
      const auto* wanted =
          flow.signature.result_type ? RowsOf(*flow.signature.result_type) : nullptr;
      if (end == nullptr || wanted == nullptr) continue;
      for (const ast::Column& column : *wanted) {
        const TableFact::Column* same = end->Find(column.name.text);
        if (same != nullptr) Tie(SymbolOf(*same), SymbolOf(column));
      }
    }
  }
}

void NameFinder::WalkLet(const ast::Let& let) {
  WalkPipeline(let.value);
  for (const ast::Name& name : let.names) {
    const size_t symbol = AddSymbol(NameKind::kTable, name.text, name.range);
    tables_.try_emplace(name.text, symbol);
    Note(name.range, symbol, true);
  }
}

void NameFinder::WalkTest(const ast::TestDecl& test) {
  tables_.clear();
  for (const ast::TestStmt& stmt : test.body) {
    switch (stmt.kind) {
      case ast::TestStmt::Kind::kStub:
        NoteItem(stmt.stub.Text(), stmt.stub.range);
        WalkExpr(stmt.expr, {});
        break;
      case ast::TestStmt::Kind::kGiven:
        if (stmt.type) WalkType(*stmt.type);
        WalkExpr(stmt.expr, {});
        tables_[stmt.name.text] = AddSymbol(NameKind::kTable, stmt.name.text, stmt.name.range);
        Note(stmt.name.range, tables_[stmt.name.text], true);
        break;
      case ast::TestStmt::Kind::kLet:
        if (stmt.let) WalkLet(*stmt.let);
        break;
      case ast::TestStmt::Kind::kExpect: WalkExpr(stmt.expr, {}); break;
    }
  }
}

// --- pipelines ---

void NameFinder::WalkPipeline(const ast::Pipeline& pipeline) {
  WalkExpr(pipeline.head, {});
  if (pipeline.with) WalkBlock(*pipeline.with);
  WalkChain(pipeline.steps);
}

void NameFinder::WalkChain(const std::vector<ast::Step>& steps) {
  for (const ast::Step& step : steps) WalkStep(step);
}

void NameFinder::WalkStep(const ast::Step& step) {
  const Facts::Step* fact = FactOf(step);
  const TableFact* after =
      fact == nullptr || fact->after.empty() ? nullptr : &facts_.tables[fact->after.front()];
  Columns columns;
  if (fact != nullptr) columns = ColumnsOf(facts_.tables[fact->before]);
  NoteItem(step.path.names.front().text, step.path.names.front().range);
  for (size_t i = 0; i < step.args.size(); ++i) WalkArg(step, i, after, columns);
  for (const ast::Branch& branch : step.branches) {
    if (branch.when) WalkExpr(*branch.when, columns);
    WalkChain(branch.chain);
  }
  if (step.with) WalkBlock(*step.with);
  WalkChain(step.rescue);
  if (fact != nullptr) TieStep(step, *fact);
}

void NameFinder::WalkArg(const ast::Step& step, size_t index, const TableFact* after,
                         Columns& columns) {
  const ast::Arg& arg = step.args[index];
  const std::string op = step.path.Text();
  const ast::Signature* function = FunctionOf(step);
  if (arg.kind == ast::Arg::Kind::kPositional) {
    if (function != nullptr && index == 0) {
      NoteItem(arg.value.head.text, arg.value.head.range);
    } else if (TakesTables(op) || !arg.value.steps.empty()) {
      WalkPipeline(arg.value);
    } else {
      WalkExpr(arg.value.head, columns);
    }
    return;
  }
  if (arg.kind == ast::Arg::Kind::kOption) {
    if (function != nullptr) {
      for (const ast::Column& param : function->params) {
        if (param.name.text == arg.key.text) Note(arg.key.range, SymbolOf(param));
      }
    }
    WalkExpr(arg.value.head, columns);
    return;
  }
  WalkExpr(arg.value.head, columns);
  const TableFact::Column* made = after == nullptr ? nullptr : after->Find(arg.key.text);
  const size_t symbol = made == nullptr ? SymbolOf(arg.range, arg.key.text) : SymbolOf(*made);
  Note(arg.key.range, symbol, true);
  columns[arg.key.text] = symbol;  // later definitions may use it
}

void NameFinder::WalkCall(const ast::Expr& call, const Columns& columns) {
  const ast::Expr& callee = call.children.front();
  if (callee.kind == ast::Expr::Kind::kName) {
    NoteItem(callee.text, callee.range);
  } else {
    WalkExpr(callee, columns);
  }
  for (const ast::Arg& arg : call.args) {
    if (TakesTables(callee.text) && arg.kind == ast::Arg::Kind::kPositional) {
      WalkPipeline(arg.value);
    } else {
      WalkExpr(arg.value.head, columns);
    }
  }
  if (const auto flow = flows_.find(callee.text); flow != flows_.end()) {
    const auto named = named_.find(call.range.begin);
    TieFlow(*flow->second, EndsOf(call.args),
            named == named_.end() ? nullptr : &facts_.tables[named->second]);
  } else if (TakesTables(callee.text)) {
    const auto named = named_.find(call.range.begin);
    if (named != named_.end()) TieMerged(EndsOf(call.args), facts_.tables[named->second]);
  }
}

void NameFinder::WalkExpr(const ast::Expr& expr, const Columns& columns) {
  const auto note_column = [&](const std::string& name) {
    const auto column = columns.find(name);
    if (column == columns.end()) return false;
    Note(expr.range, column->second);
    return true;
  };
  switch (expr.kind) {
    case ast::Expr::Kind::kName:
      if (!note_column(expr.text) && !NoteTable(expr.text, expr.range)) {
        NoteItem(expr.text, expr.range);
      }
      return;
    case ast::Expr::Kind::kMember:
      if (expr.children.front().kind == ast::Expr::Kind::kName &&
          note_column(expr.children.front().text + "." + expr.text)) {
        return;
      }
      break;
    case ast::Expr::Kind::kCall: return WalkCall(expr, columns);
    default: break;
  }
  for (const ast::Expr& child : expr.children) WalkExpr(child, columns);
}

// --- what must have one name ---

void NameFinder::Tie(size_t a, size_t b) { index_.parents_[index_.Root(a)] = index_.Root(b); }

const TableFact* NameFinder::EndOf(const std::vector<ast::Step>& chain) const {
  const Facts::Step* last = chain.empty() ? nullptr : FactOf(chain.back());
  return last == nullptr || last->after.empty() ? nullptr : &facts_.tables[last->after.front()];
}

const TableFact* NameFinder::EndOf(const ast::Pipeline& pipeline) const {
  if (!pipeline.steps.empty()) return EndOf(pipeline.steps);
  const auto named = named_.find(pipeline.head.range.begin);
  return named == named_.end() ? nullptr : &facts_.tables[named->second];
}

NameFinder::Tables NameFinder::EndsOf(const std::vector<ast::Arg>& args) const {
  Tables ends;
  for (const ast::Arg& arg : args) {
    if (arg.kind == ast::Arg::Kind::kPositional) ends.push_back(EndOf(arg.value));
  }
  return ends;
}

void NameFinder::TieStep(const ast::Step& step, const Facts::Step& fact) {
  const TableFact& before = facts_.tables[fact.before];
  const TableFact* after = fact.after.empty() ? nullptr : &facts_.tables[fact.after.front()];
  const std::string op = step.path.Text();
  if (const ast::Signature* function = FunctionOf(step)) {
    TieFunction(step, *function, before, after);
  }
  Tables inputs;
  if (TakesTables(op)) {
    inputs = EndsOf(step.args);
    inputs.insert(inputs.begin(), &before);
  }
  if (const auto flow = flows_.find(op); flow != flows_.end()) {
    return TieFlow(*flow->second, inputs, after);
  }
  for (const ast::Branch& branch : step.branches) inputs.push_back(EndOf(branch.chain));
  if (after == nullptr) return;
  if (!inputs.empty()) return TieMerged(inputs, *after);
  // What a step makes anew under the old name, without the author naming it: `explode(box)`.
  for (const TableFact::Column& column : after->columns) {
    const TableFact::Column* old = before.Find(column.name);
    const size_t symbol = SymbolOf(column);
    if (old != nullptr && index_.symbols_[symbol].definition == SourceRange{}) {
      Tie(symbol, SymbolOf(*old));
    }
  }
}

void NameFinder::TieFunction(const ast::Step& step, const ast::Signature& function,
                             const TableFact& before, const TableFact* after) {
  for (const ast::Column& param : function.params) {
    const auto names = [&](const ast::Arg& arg) {
      return arg.kind == ast::Arg::Kind::kOption && arg.key.text == param.name.text;
    };
    const TableFact::Column* taken = before.Find(param.name.text);
    const bool is_given = std::any_of(step.args.begin(), step.args.end(), names);
    if (taken != nullptr && !is_given) Tie(SymbolOf(*taken), SymbolOf(param));
  }
  if (after == nullptr) return;
  for (const ast::Column& result : function.results) {
    const std::string prefix = step.as ? step.as->text + "." : "";
    const TableFact::Column* made = after->Find(prefix + result.name.text);
    if (made == nullptr) continue;
    const size_t symbol = SymbolOf(*made);
    if (step.as) {
      index_.symbols_[symbol].is_fixed = true;
      index_.symbols_[symbol].definition = result.name.range;
    } else {
      Tie(symbol, SymbolOf(result));
    }
  }
}

void NameFinder::TieFlow(const ast::FlowDecl& flow, const Tables& inputs, const TableFact* after) {
  for (size_t i = 0; i < std::min(inputs.size(), flow.signature.params.size()); ++i) {
    const std::vector<ast::Column>* rows = RowsOf(flow.signature.params[i].type);
    if (rows == nullptr || inputs[i] == nullptr) continue;
    for (const ast::Column& wanted : *rows) {
      const TableFact::Column* same = inputs[i]->Find(wanted.name.text);
      if (same != nullptr) Tie(SymbolOf(*same), SymbolOf(wanted));
    }
  }
  const auto* results = flow.signature.result_type ? RowsOf(*flow.signature.result_type) : nullptr;
  if (after == nullptr || results == nullptr) return;
  for (const ast::Column& result : *results) {
    const TableFact::Column* made = after->Find(result.name.text);
    if (made != nullptr) Tie(SymbolOf(*made), SymbolOf(result));
  }
}

void NameFinder::TieMerged(const Tables& inputs, const TableFact& after) {
  for (const TableFact::Column& column : after.columns) {
    for (const TableFact* input : inputs) {
      const TableFact::Column* same = input == nullptr ? nullptr : input->Find(column.name);
      if (same != nullptr) Tie(SymbolOf(*same), SymbolOf(column));
    }
  }
}

}  // namespace raceway::tools::lsp
