#include "compiler/compile.h"

#include <algorithm>
#include <variant>

#include "compiler/load/modules.h"
#include "compiler/place/place.h"
#include "compiler/rewrite/fuse_chains.h"
#include "compiler/rewrite/optimize.h"

namespace raceway::compiler {

CompileResult Compile(dsl::ParseResult parsed, const dsl::Source& source,
                      const engine::Catalog& catalog, Files& files, const CompileOptions& options) {
  CompileResult result;
  result.sources = dsl::SourceSet(source);
  result.diagnostics = parsed.diagnostics;
  result.modules = LoadModules(std::move(parsed), result.sources, files, result.diagnostics);
  const Modules& modules = result.modules;
  std::vector<ParamSetting> params = options.param_file;
  for (const auto& [name, text] : options.params) params.push_back(SetParam(name, text));
  CheckResult checked = Check(modules, !result.diagnostics.has_errors_of_flows(), catalog,
                              {options.flow, std::move(params), options.hints, options.plan_tests});
  result.diagnostics.Append(checked.diagnostics);
  result.usage_error = std::move(checked.usage_error);
  result.is_badly_set = checked.is_badly_set;
  result.logical = std::move(checked.plan);
  result.tests = std::move(checked.tests);
  result.models = std::move(checked.models);
  result.files = std::move(checked.files);
  result.stores = std::move(checked.stores);
  for (TestCase& test : result.tests) {
    for (TestStep& step : test.steps) {
      auto* run = std::get_if<TestRun>(&step);
      if (run == nullptr || !run->logical) continue;
      const LogicalPlan optimized = Optimize(*run->logical, options.without);
      dsl::Diagnostics lowering;
      run->plan = Lower(Place(optimized), result.sources, files, lowering);
      result.diagnostics.AppendOfTest(lowering);
    }
  }
  if (!result.logical) return result;
  result.optimized = Optimize(*result.logical, options.without);
  const std::vector<std::string>& without = options.without;
  if (std::find(without.begin(), without.end(), "fuse-chains") == without.end()) {
    NoteNotFused(*result.optimized, result.diagnostics);
  }
  dsl::Diagnostics lowering;
  result.physical = Lower(Place(*result.optimized), result.sources, files, lowering);
  for (const Module& module : modules.all) {
    if (&module != &modules.main()) result.physical->sources.push_back(module.file);
    for (const auto& [source, sidecar] : module.sidecars) {
      result.physical->sources.push_back(sidecar.file);
    }
  }
  result.is_file_missing = lowering.has_errors();
  result.diagnostics.Append(lowering);
  return result;
}

engine::Result<std::string> SelectFlow(const dsl::ast::File& file,
                                       const std::optional<std::string>& name,
                                       const std::string& stem) {
  std::vector<std::string> flows;
  for (const dsl::ast::Item& item : file.items) {
    if (const auto* flow = std::get_if<dsl::ast::FlowDecl>(&item)) {
      flows.push_back(flow->name.text);
    }
  }
  const auto has = [&](const std::string& flow) {
    return std::find(flows.begin(), flows.end(), flow) != flows.end();
  };
  if (name && has(*name)) return *name;
  if (!name && flows.size() == 1) return flows.front();
  const auto is_private = [](const std::string& flow) { return flow.starts_with('_'); };
  if (!name && std::count_if(flows.begin(), flows.end(), is_private) + 1 ==
                   static_cast<std::ptrdiff_t>(flows.size())) {
    return *std::find_if_not(flows.begin(), flows.end(), is_private);
  }
  if (!name && has(stem)) return stem;
  if (flows.empty())
    return engine::Error{engine::ErrorCode::kInvalidArgument, "the file has no flow"};
  std::string list;
  for (const std::string& flow : flows) list += (list.empty() ? "" : ", ") + flow;
  if (!name) {
    return engine::Error{engine::ErrorCode::kInvalidArgument,
                         "say which flow is meant; the file has: " + list};
  }
  const std::string hint = dsl::DidYouMeanText(*name, flows);
  return engine::Error{
      engine::ErrorCode::kInvalidArgument,
      "no flow `" + *name + "`" + (hint.empty() ? "" : ", " + hint) + "; the file has: " + list};
}

}  // namespace raceway::compiler
