#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "compiler/check/facts.h"
#include "dsl/ast.h"
#include "tools/raceway/lsp/names.h"

namespace raceway::tools::lsp {

namespace ast = dsl::ast;

/// Walks through a file and notes who is who. Which columns there are, and where they come from,
/// it knows from the checker; a step that the checker did not reach has no columns.
class NameFinder {
 public:
  NameFinder(const ast::File& file, const compiler::Facts& facts);

  NameIndex Run();

 private:
  using Columns = std::map<std::string, size_t>;  // name → symbol
  using Tables = std::vector<const compiler::TableFact*>;

  // --- items ---
  void Declare(const ast::Item& item);
  void DeclareColumns(const std::vector<ast::Column>& columns);
  void DeclareRecord(const ast::TypeExpr& type);
  void Walk(const ast::Item& item);
  void WalkSignature(const ast::Signature& signature);
  void WalkType(const ast::TypeExpr& type);
  void WalkDim(const ast::Dim& dim);
  void WalkBlock(const ast::Block& block);
  void WalkFlow(const ast::FlowDecl& flow);
  void WalkTest(const ast::TestDecl& test);
  void WalkLet(const ast::Let& let);

  // --- pipelines ---
  void WalkPipeline(const ast::Pipeline& pipeline);
  void WalkChain(const std::vector<ast::Step>& steps);
  void WalkStep(const ast::Step& step);
  void WalkArg(const ast::Step& step, size_t index, const compiler::TableFact* after,
               Columns& columns);
  void WalkCall(const ast::Expr& call, const Columns& columns);
  void WalkExpr(const ast::Expr& expr, const Columns& columns);

  // --- what must have one name ---
  void TieStep(const ast::Step& step, const compiler::Facts::Step& fact);
  void TieFunction(const ast::Step& step, const ast::Signature& function,
                   const compiler::TableFact& before, const compiler::TableFact* after);
  void TieFlow(const ast::FlowDecl& flow, const Tables& inputs, const compiler::TableFact* after);
  void TieMerged(const Tables& inputs, const compiler::TableFact& after);
  void Tie(size_t a, size_t b);
  /// The tables that the pipelines among `args` end with.
  Tables EndsOf(const std::vector<ast::Arg>& args) const;
  const compiler::TableFact* EndOf(const ast::Pipeline& pipeline) const;
  const compiler::TableFact* EndOf(const std::vector<ast::Step>& chain) const;

  // --- symbols ---
  size_t AddSymbol(NameKind kind, const std::string& name, dsl::SourceRange definition);
  size_t SymbolOf(dsl::SourceRange origin, const std::string& name);
  size_t SymbolOf(const compiler::TableFact::Column& column);
  size_t SymbolOf(const ast::Column& column) { return SymbolOf(column.range, column.name.text); }
  Columns ColumnsOf(const compiler::TableFact& table);
  void Note(dsl::SourceRange range, size_t symbol, bool is_definition = false);
  bool NoteItem(const std::string& name, dsl::SourceRange range);
  bool NoteTable(const std::string& name, dsl::SourceRange range);
  const ast::Signature* FunctionOf(const ast::Step& step) const;
  const std::vector<ast::Column>* RowsOf(const ast::TypeExpr& type) const;
  bool TakesTables(const std::string& op) const;
  const compiler::Facts::Step* FactOf(const ast::Step& step) const;

  const ast::File& file_;
  const compiler::Facts& facts_;
  NameIndex index_;
  std::map<std::string, size_t> items_;
  std::map<std::string, const ast::Signature*> functions_;  // models, functions, stores
  std::map<std::string, const ast::FlowDecl*> flows_;
  std::map<std::string, const ast::SchemaDecl*> schemas_;
  std::map<std::string, size_t> tables_;  // of the flow or test that is walked through
  std::map<std::pair<int32_t, std::string>, size_t> columns_;  // by origin and name
  std::map<int32_t, const compiler::Facts::Step*> steps_;      // by where they begin
  std::map<int32_t, size_t> named_;                            // tables, by where they begin
};

}  // namespace raceway::tools::lsp
