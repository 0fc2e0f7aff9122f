// `raceway explain`: each value on the way from text to plan.
#include "compiler/plan/explain.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "compiler/draw/drawing.h"
#include "compiler/place/place.h"
#include "compiler/rewrite/optimize.h"
#include "dsl/print.h"
#include "tools/raceway/command.h"
#include "tools/raceway/graphviz.h"
#include "tools/raceway/line_diff.h"

namespace raceway::tools {
namespace {

Need NeedOf(const std::string& emit) {
  if (emit == "syntax") return Need::kCheck;
  return emit == "physical" ? Need::kPlanToShow : Need::kPlan;
}

engine::Result<std::string> Graph(const compiler::LogicalPlan& plan,
                                  const ExplainOptions& options) {
  const compiler::Drawing drawing = compiler::Draw(compiler::Place(plan));
  const compiler::DrawOptions how{.schemas = options.schemas};
  if (options.graph == "mermaid") return compiler::ToMermaid(drawing, how);
  std::string dot = compiler::ToDot(drawing, how);
  return options.graph == "svg" ? DrawSvg(dot) : std::move(dot);
}

/// What each rewrite changed, and which had nothing to do.
std::string Diff(const compiler::CompileResult& result, const FlowOptions& options) {
  std::string text;
  std::string idle;
  std::string before = compiler::Explain(*result.logical);
  for (const auto& [pass, plan] : compiler::OptimizeStepwise(*result.logical, options.without)) {
    std::string after = compiler::Explain(plan);
    const std::string diff = LineDiff(before, after);
    if (diff.empty()) {
      idle += (idle.empty() ? "" : ", ") + std::string(pass);
    } else {
      text += "===== " + std::string(pass) + "\n" + diff;
    }
    before = std::move(after);
  }
  return idle.empty() ? text : text + "changed nothing: " + idle + "\n";
}

engine::Result<std::string> TextOf(const LoadedFlow& loaded, const ExplainOptions& options) {
  const compiler::CompileResult& result = loaded.result;
  const compiler::LogicalPlan& plan =
      options.emit == "logical" ? *result.logical : *result.optimized;
  if (options.diff) return Diff(result, options.flow);
  if (!options.graph.empty()) return Graph(plan, options);
  if (options.emit != "physical") return compiler::Explain(plan);
  return options.flow.json ? engine::ToJson(*result.physical) : ToString(*result.physical);
}

/// The text for machines; a physical plan is JSON already.
std::string InJson(const std::string& text, const LoadedFlow& loaded,
                   const ExplainOptions& options) {
  nlohmann::ordered_json out;
  if (!loaded.flow.empty()) out["flow"] = loaded.flow;
  if (options.diff) {
    out["diff"] = text;
  } else {
    out["emit"] = options.emit;
    if (!options.graph.empty()) out["graph"] = options.graph;
    out["text"] = text;
  }
  return out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace

int RunExplain(const ExplainOptions& options) {
  const bool is_drawn_or_compared = options.diff || !options.graph.empty();
  if (is_drawn_or_compared && options.emit != "logical" && options.emit != "optimized") {
    return Fail(kUsage, "--graph and --diff go with the logical and the optimized plan");
  }
  int exit_code = kFine;
  const std::optional<LoadedFlow> loaded = LoadFlow(options.flow, NeedOf(options.emit), exit_code);
  if (!loaded) return exit_code;
  const compiler::CompileResult& result = loaded->result;
  std::string text;
  if (options.emit == "syntax") {
    PrintDiagnostics(result.parsed().diagnostics, loaded->result.sources, true);
    if (result.parsed().diagnostics.has_errors()) return kFlowIsWrong;
    text = dsl::PrintSyntax(result.parsed().file);
  } else {
    PrintDiagnostics(result.diagnostics, loaded->result.sources, false);
    if (!result.physical) return kFlowIsWrong;
    engine::Result<std::string> made = TextOf(*loaded, options);
    if (!made.ok()) return Fail(kMachineLacks, made.error().message);
    text = *std::move(made);
  }
  if (options.flow.json && options.emit != "physical") text = InJson(text, *loaded, options);
  std::fputs(text.c_str(), stdout);
  return kFine;
}

}  // namespace raceway::tools
