// `raceway check`: everything that can be known from the text.

#include <cstdio>
#include <nlohmann/json.hpp>
#include <variant>

#include "tools/raceway/command.h"

namespace raceway::tools {
namespace {

std::string Count(int64_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

}  // namespace

int RunCheck(const CheckOptions& options) {
  int exit_code = kFine;
  const std::optional<LoadedFlow> loaded = LoadFlow(options.flow, Need::kCheck, exit_code);
  if (!loaded) return exit_code;
  const dsl::Diagnostics& diagnostics = loaded->result.diagnostics;
  const bool is_fine = !diagnostics.has_errors();
  if (options.flow.json) {
    nlohmann::ordered_json out;
    out["file"] = options.flow.file;
    out["ok"] = is_fine;
    out["diagnostics"] =
        nlohmann::ordered_json::parse(dsl::RenderJson(diagnostics, loaded->result.sources));
    const auto replace = nlohmann::json::error_handler_t::replace;  // the file's name
    std::puts(out.dump(2, ' ', false, replace).c_str());
    return is_fine ? kFine : kFlowIsWrong;
  }
  PrintDiagnostics(diagnostics, loaded->result.sources, true);
  int64_t errors = 0;
  int64_t others = 0;
  for (const dsl::Diagnostic& diagnostic : diagnostics.Sorted()) {
    ++(dsl::InfoOf(diagnostic.kind).severity == dsl::Severity::kError ? errors : others);
  }
  int64_t flows = 0;
  for (const dsl::ast::Item& item : loaded->result.parsed.file.items) {
    flows += std::holds_alternative<dsl::ast::FlowDecl>(item) ? 1 : 0;
  }
  std::string summary = options.flow.file + ": ";
  summary += is_fine ? "fine, " + Count(flows, "flow") : Count(errors, "error");
  if (others > 0) summary += ", " + Count(others, "remark");
  std::fprintf(is_fine ? stdout : stderr, "%s\n", summary.c_str());
  return is_fine ? kFine : kFlowIsWrong;
}

}  // namespace raceway::tools
