#include "compiler/load/mentions.h"

#include <variant>

namespace raceway::compiler {
namespace {

namespace ast = dsl::ast;

/// A walk through the syntax of a file.
class Collector {
 public:
  std::set<std::string> names;

  void See(const ast::Item& item) {
    std::visit([this](const auto& decl) { SeeItem(decl); }, item);
  }

 private:
  void SeeItem(const ast::ImportDecl& /*decl*/) {}
  void SeeItem(const ast::ParamDecl& decl) {
    See(decl.type);
    if (decl.in) See(*decl.in);
    if (decl.default_value) See(*decl.default_value);
  }
  void SeeItem(const ast::DefaultsDecl& decl) { See(decl.block); }
  void SeeItem(const ast::SchemaDecl& decl) { See(decl.record.columns); }
  void SeeItem(const ast::StoreDecl& decl) {
    See(decl.signature);
    See(decl.block);
  }
  void SeeItem(const ast::ModelDecl& decl) {
    if (decl.signature) See(*decl.signature);
    See(decl.block);
  }
  void SeeItem(const ast::FnDecl& decl) {
    See(decl.signature);
    See(decl.block);
  }
  void SeeItem(const ast::FlowDecl& decl) {
    See(decl.signature);
    if (decl.with) See(*decl.with);
    for (const ast::Stmt& stmt : decl.body) {
      std::visit([this](const auto& s) { See(s); }, stmt);
    }
  }
  void SeeItem(const ast::TestDecl& decl) {
    for (const ast::TestStmt& stmt : decl.body) {
      See(stmt.stub);
      if (stmt.type) See(*stmt.type);
      See(stmt.expr);
      if (stmt.let) See(*stmt.let);
    }
  }

  void See(const ast::Path& path) {
    if (path.names.empty()) return;
    names.insert(path.names.front().text);
    names.insert(path.Text());
  }
  void See(const ast::Signature& signature) {
    See(signature.params);
    See(signature.results);
    if (signature.result_type) See(*signature.result_type);
  }
  void See(const std::vector<ast::Column>& columns) {
    for (const ast::Column& column : columns) {
      See(column.type);
      for (const ast::Expr& value : column.default_value) See(value);
    }
  }
  void See(const ast::TypeExpr& type) {
    if (type.path) See(*type.path);
    if (type.record) See(type.record->columns);
    for (const ast::Dim& dim : type.dims) See(dim);
  }
  void See(const ast::Dim& dim) {
    if (dim.kind == ast::Dim::Kind::kName) names.insert(dim.text);
    for (const ast::Dim& child : dim.children) See(child);
  }
  void See(const ast::Block& block) {
    for (const ast::Entry& entry : block.entries) {
      if (entry.value) See(*entry.value);
      if (entry.block) See(*entry.block);
    }
  }
  void See(const ast::Let& let) { See(let.value); }
  void See(const ast::Return& returned) {
    for (const ast::ReturnValue& value : returned.values) See(value.value);
  }
  void See(const ast::Pipeline& pipeline) {
    See(pipeline.head);
    if (pipeline.with) See(*pipeline.with);
    for (const ast::Step& step : pipeline.steps) See(step);
  }
  void See(const ast::Step& step) {
    See(step.path);
    for (const ast::Arg& arg : step.args) See(arg.value);
    for (const ast::Branch& branch : step.branches) {
      if (branch.when) See(*branch.when);
      for (const ast::Step& inner : branch.chain) See(inner);
    }
    if (step.with) See(*step.with);
    for (const ast::Step& inner : step.rescue) See(inner);
  }
  void See(const ast::Expr& expr) {
    if (expr.kind == ast::Expr::Kind::kName) names.insert(expr.text);
    for (const ast::Expr& child : expr.children) See(child);
    for (const ast::Arg& arg : expr.args) See(arg.value);
  }
};

}  // namespace

std::set<std::string> NamesMentioned(const dsl::ast::File& file) {
  Collector collector;
  for (const ast::Item& item : file.items) collector.See(item);
  return std::move(collector.names);
}

}  // namespace raceway::compiler
