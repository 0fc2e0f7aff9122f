#include "tools/raceway/lsp/walk.h"

#include <variant>

namespace raceway::tools::lsp {
namespace {

namespace ast = dsl::ast;

class Walker {
 public:
  explicit Walker(const Visitor& visitor) : visitor_(visitor) {}

  void Item(const ast::Item& item) {
    const auto walk = [&](const auto& decl) {
      if constexpr (requires { decl.signature.params; }) Signature(decl.signature);
      if constexpr (requires { decl.signature->params; }) {
        if (decl.signature) Signature(*decl.signature);
      }
      if constexpr (requires { decl.record.columns; }) Columns(decl.record.columns);
      if constexpr (requires { decl.type.dims; }) Type(decl.type);
      if constexpr (requires { decl.block.entries; }) Block(decl.block, nullptr);
    };
    std::visit(walk, item);
    if (const auto* flow = std::get_if<ast::FlowDecl>(&item)) Flow(*flow);
    if (const auto* test = std::get_if<ast::TestDecl>(&item)) Test(*test);
  }

 private:
  void Flow(const ast::FlowDecl& flow) {
    if (flow.with) Block(*flow.with, nullptr);
    for (const ast::Stmt& stmt : flow.body) {
      if (const auto* let = std::get_if<ast::Let>(&stmt)) Pipeline(let->value);
      if (const auto* returned = std::get_if<ast::Return>(&stmt)) {
        for (const ast::ReturnValue& value : returned->values) Pipeline(value.value);
      }
    }
  }

  void Test(const ast::TestDecl& test) {
    for (const ast::TestStmt& stmt : test.body) {
      if (stmt.type) Type(*stmt.type);
      if (stmt.let) Pipeline(stmt.let->value);
      Expr(stmt.expr, nullptr);
    }
  }

  void Signature(const ast::Signature& signature) {
    Columns(signature.params);
    Columns(signature.results);
    if (signature.result_type) Type(*signature.result_type);
  }

  void Columns(const std::vector<ast::Column>& columns) {
    for (const ast::Column& column : columns) Type(column.type);
  }

  void Type(const ast::TypeExpr& type) {
    if (visitor_.type) visitor_.type(type);
    if (type.record) Columns(type.record->columns);
  }

  void Block(const ast::Block& block, const ast::Entry* parent) {
    for (const ast::Entry& entry : block.entries) {
      if (visitor_.entry) visitor_.entry(entry, parent);
      if (entry.block) Block(*entry.block, &entry);
    }
  }

  void Pipeline(const ast::Pipeline& pipeline) {
    Expr(pipeline.head, nullptr);
    if (pipeline.with) Block(*pipeline.with, nullptr);
    for (const ast::Step& step : pipeline.steps) Step(step);
  }

  void Step(const ast::Step& step) {
    if (visitor_.step) visitor_.step(step);
    for (const ast::Arg& arg : step.args) {
      Expr(arg.value.head, &step);
      for (const ast::Step& inner : arg.value.steps) Step(inner);
    }
    for (const ast::Branch& branch : step.branches) {
      if (branch.when) Expr(*branch.when, &step);
      for (const ast::Step& inner : branch.chain) Step(inner);
    }
    if (step.with) Block(*step.with, nullptr);
    for (const ast::Step& inner : step.rescue) Step(inner);
  }

  void Expr(const ast::Expr& expr, const ast::Step* step) {
    if (visitor_.expr) visitor_.expr(expr, step);
    for (const ast::Expr& child : expr.children) Expr(child, step);
    for (const ast::Arg& arg : expr.args) {
      Expr(arg.value.head, step);
      for (const ast::Step& inner : arg.value.steps) Step(inner);
    }
  }

  const Visitor& visitor_;
};

}  // namespace

void Visit(const ast::Item& item, const Visitor& visitor) { Walker(visitor).Item(item); }

}  // namespace raceway::tools::lsp
