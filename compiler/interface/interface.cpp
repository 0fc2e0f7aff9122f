#include "compiler/interface/interface.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "compiler/check/declarations.h"
#include "compiler/check/quantities.h"
#include "engine/data/time_text.h"

namespace raceway::compiler {
namespace {

InterfaceRows RowsOf(std::string name, const RowType& rows) {
  InterfaceRows out{std::move(name), {}, rows.is_open(), rows.range};
  for (const DeclaredColumn& column : rows.columns) {
    out.columns.push_back({column.name, column.type, column.default_value, column.range});
  }
  return out;
}

std::optional<engine::Value> ConstantAs(const ast::Expr& expr, const engine::Type& type) {
  dsl::Diagnostics ignored;
  const std::optional<engine::Value> written = ConstantOf(expr, ignored);
  std::string why;
  return written ? FitLiteral(*written, type, why) : std::nullopt;
}

void ReadAllowed(const ast::Expr& in, ParamInterface& param) {
  if (in.kind == ast::Expr::Kind::kBinary && in.text == "..") {
    dsl::Diagnostics ignored;
    const auto low = ConstantOf(in.children[0], ignored);
    const auto high = ConstantOf(in.children[1], ignored);
    const auto first = ConstantAs(in.children[0], param.type);
    const auto last = ConstantAs(in.children[1], param.type);
    if (low && high && NumberOf(*low) && NumberOf(*high)) {
      param.range = {*low, *high};
    } else if (first && last && engine::IsTime(param.type.dtype)) {
      param.range = {*first, *last};
    }
  } else if (in.kind == ast::Expr::Kind::kList) {
    param.list.emplace();
    for (const ast::Expr& child : in.children) {
      // As ranges have them: the number, not its bits.
      if (const auto value = ConstantAs(child, param.type)) {
        param.list->push_back(LiteralOf(*value, param.type.dtype));
      }
    }
  }
}

ParamInterface ParamOf(const ast::ParamDecl& decl, const engine::Type& type) {
  ParamInterface param{decl.name.text, type, std::nullopt, std::nullopt, std::nullopt, decl.range};
  if (decl.default_value) param.default_value = ConstantAs(*decl.default_value, type);
  if (decl.in) ReadAllowed(*decl.in, param);
  return param;
}

}  // namespace

Interface InterfaceOf(const Modules& modules, const engine::Catalog& catalog,
                      const std::vector<ParamSetting>& params) {
  dsl::Diagnostics ignored;
  std::string said_before;
  const auto settings = SettingsByModule(modules, params, said_before);
  std::vector<Declarations> all(modules.all.size());  // never resized: flows know their home
  for (size_t i = 0; i < modules.all.size(); ++i) {
    const Module& module = modules.all[i];
    Declare(module, {catalog, settings[i], ImportsOf(module, modules, all)}, all[i], ignored);
  }
  const Declarations& declarations = all.back();
  Interface out;
  for (const std::string& name : declarations.flow_order) {
    const FlowInfo& flow = declarations.flows.at(name);
    if (flow.is_broken || name.starts_with("_")) continue;
    FlowInterface interface { name, {}, {}, flow.decl->name.range };
    for (const FlowResult& result : flow.results) {
      interface.results.push_back(RowsOf(result.name, result.rows));
    }
    for (const FlowParam& table : flow.params) {
      interface.tables.push_back(RowsOf(table.name, table.rows));
    }
    out.flows.push_back(std::move(interface));
  }
  for (const ast::Item& item : modules.main().parsed.file.items) {
    const auto* decl = std::get_if<ast::ParamDecl>(&item);
    if (decl == nullptr) continue;
    const auto found = declarations.params.find(decl->name.text);
    if (found == declarations.params.end()) continue;
    out.params.push_back(ParamOf(*decl, found->second.type));
  }
  return out;
}

Interface InterfaceOf(const engine::PhysicalPlan& plan) {
  const auto rows_of = [](std::string name, const engine::Schema& schema) {
    InterfaceRows rows{std::move(name), {}, false, std::nullopt};
    for (const engine::Field& field : schema.fields()) {
      rows.columns.push_back({field.name, field.type, std::nullopt, std::nullopt});
    }
    return rows;
  };
  FlowInterface flow{plan.flow, {}, {}, std::nullopt};
  for (const engine::ResultSpec& result : plan.results) {
    flow.results.push_back(rows_of(result.name, plan.ResultSchema(result)));
  }
  for (const engine::InputSpec& input : plan.inputs) {
    flow.tables.push_back(rows_of(input.name, input.CallerSchema()));
    for (InterfaceColumn& column : flow.tables.back().columns) {
      for (const auto& [name, value] : input.defaults) {
        if (name == column.name) column.default_value = value;
      }
    }
  }
  return {{std::move(flow)}, {}, false};
}

}  // namespace raceway::compiler
