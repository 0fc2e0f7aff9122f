// Values of parameters from outside: which file each is for.
#include "compiler/check/params.h"

#include <algorithm>
#include <variant>

#include "dsl/ast.h"
#include "dsl/diagnostic.h"

namespace raceway::compiler {
namespace {

namespace ast = dsl::ast;

/// A parameter as the main file calls it, and what it is.
struct Settable {
  std::string name;
  size_t module;
  std::string own_name;
};

std::vector<std::string> ParamsOf(const Module& module) {
  std::vector<std::string> names;
  for (const ast::Item& item : module.parsed.file.items) {
    if (const auto* param = std::get_if<ast::ParamDecl>(&item)) names.push_back(param->name.text);
  }
  return names;
}

std::vector<Settable> SettableParams(const Modules& modules) {
  std::vector<Settable> all;
  for (const std::string& name : ParamsOf(modules.main())) {
    all.push_back({name, modules.all.size() - 1, name});
  }
  size_t number = 0;
  for (const ast::Item& item : modules.main().parsed.file.items) {
    const auto* decl = std::get_if<ast::ImportDecl>(&item);
    if (decl == nullptr) continue;
    const std::optional<size_t> from = modules.main().imports[number++];
    if (!from) continue;
    for (const std::string& name : ParamsOf(modules.all[*from])) {
      const auto is_it = [&](const ast::Name& asked) { return asked.text == name; };
      const bool is_private = name.starts_with('_');
      if (!decl->braces && !is_private) {
        all.push_back({decl->names.front().text + "." + name, *from, name});
      } else if (std::any_of(decl->names.begin(), decl->names.end(), is_it)) {
        all.push_back({name, *from, name});
      }
    }
  }
  return all;
}

}  // namespace

ParamSetting SetParam(const std::string& name, const std::string& text) {
  return {name, text, std::nullopt, "--set " + name + "=" + text, "--set " + name};
}

std::vector<std::vector<ParamSetting>> SettingsByModule(const Modules& modules,
                                                        const std::vector<ParamSetting>& settings,
                                                        std::string& usage_error) {
  std::vector<std::vector<ParamSetting>> result(modules.all.size());
  const std::vector<Settable> known = SettableParams(modules);
  std::vector<std::string> names;
  names.reserve(known.size());
  for (const Settable& param : known) names.push_back(param.name);
  for (const ParamSetting& setting : settings) {
    const auto is_it = [&](const Settable& param) { return param.name == setting.name; };
    const auto found = std::find_if(known.begin(), known.end(), is_it);
    if (found != known.end()) {
      result[found->module].push_back(setting);
      result[found->module].back().name = found->own_name;
      continue;
    }
    const std::string hint = dsl::DidYouMeanText(setting.name, names);
    usage_error = setting.said_name + ": the file has no parameter of that name" +
                  (hint.empty() ? "" : "; " + hint);
  }
  return result;
}

}  // namespace raceway::compiler
