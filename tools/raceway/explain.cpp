// `raceway explain`: each value on the way from text to plan.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "compiler/plan/explain.h"
#include "dsl/print.h"
#include "tools/raceway/command.h"

namespace raceway::tools {

int RunExplain(const ExplainOptions& options) {
  int exit_code = kFine;
  const Need need = options.emit == "syntax"     ? Need::kCheck
                    : options.emit == "physical" ? Need::kPlanToShow
                                                 : Need::kPlan;
  const std::optional<LoadedFlow> loaded = LoadFlow(options.flow, need, exit_code);
  if (!loaded) return exit_code;
  const compiler::CompileResult& result = loaded->result;
  std::string text;
  if (options.emit == "syntax") {
    PrintDiagnostics(result.parsed.diagnostics, loaded->result.sources, false);
    if (result.parsed.diagnostics.has_errors()) return kFlowIsWrong;
    text = dsl::PrintSyntax(result.parsed.file);
  } else {
    PrintDiagnostics(result.diagnostics, loaded->result.sources, false);
    if (!result.physical) return kFlowIsWrong;
    if (options.emit == "logical") text = compiler::Explain(*result.logical);
    if (options.emit == "optimized") text = compiler::Explain(*result.optimized);
    if (options.emit == "physical") {
      text = options.flow.json ? engine::ToJson(*result.physical) : ToString(*result.physical);
    }
  }
  if (options.flow.json && options.emit != "physical") {
    nlohmann::ordered_json out;
    if (!loaded->flow.empty()) out["flow"] = loaded->flow;
    out["emit"] = options.emit;
    out["text"] = text;
    text = out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  }
  std::fputs(text.c_str(), stdout);
  return kFine;
}

}  // namespace raceway::tools
