// `raceway check`: everything that can be known from the text, and what can be mended in it; with
// `--models` also what the files of models say.

#include <cstdio>
#include <nlohmann/json.hpp>
#include <variant>

#include "dsl/fix.h"
#include "tools/raceway/command.h"
#include "tools/raceway/files.h"
#include "tools/raceway/model_files.h"

namespace raceway::tools {
namespace {

using nlohmann::ordered_json;

std::string Count(int64_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

/// What is wrong with a text in the place of the file's; nothing where the call itself is wrong.
dsl::Diagnostics CheckText(const FlowOptions& options, const std::string& text) {
  int exit_code = kFine;
  const std::optional<LoadedFlow> loaded = LoadFlow(options, Need::kCheck, exit_code, &text);
  return loaded ? loaded->result.diagnostics : dsl::Diagnostics();
}

std::string Summary(const LoadedFlow& loaded, const std::string& file) {
  int64_t errors = 0;
  int64_t others = 0;
  for (const dsl::Diagnostic& diagnostic : loaded.result.diagnostics.Sorted()) {
    ++(dsl::InfoOf(diagnostic.kind).severity == dsl::Severity::kError ? errors : others);
  }
  int64_t flows = 0;
  for (const dsl::ast::Item& item : loaded.result.parsed().file.items) {
    flows += std::holds_alternative<dsl::ast::FlowDecl>(item) ? 1 : 0;
  }
  std::string summary =
      file + ": " + (errors == 0 ? "fine, " + Count(flows, "flow") : Count(errors, "error"));
  if (others > 0) summary += ", " + Count(others, "remark");
  return summary;
}

ordered_json FixedAsJson(const dsl::FixResult& fixes) {
  ordered_json fixed = ordered_json::array();
  for (size_t i = 0; i < fixes.fixed.size(); ++i) {
    fixed.push_back({{"code", dsl::InfoOf(fixes.fixed[i].kind).code},
                     {"message", fixes.fixed[i].message},
                     {"help", fixes.fixed[i].help},
                     {"line", fixes.places[i].line},
                     {"column", fixes.places[i].column}});
  }
  return fixed;
}

void PrintJson(const LoadedFlow& loaded, const CheckOptions& options, const dsl::FixResult& fixes) {
  ordered_json out;
  out["file"] = options.flow.file;
  out["ok"] = !loaded.result.diagnostics.has_errors();
  if (options.fix) out["fixed"] = FixedAsJson(fixes);
  out["diagnostics"] =
      ordered_json::parse(dsl::RenderJson(loaded.result.diagnostics, loaded.result.sources));
  const auto replace = nlohmann::json::error_handler_t::replace;  // the file's name
  std::puts(out.dump(2, ' ', false, replace).c_str());
}

void PrintFixed(const dsl::FixResult& fixes, const std::string& file) {
  for (size_t i = 0; i < fixes.fixed.size(); ++i) {
    const dsl::Diagnostic& fixed = fixes.fixed[i];
    std::printf("fixed %s:%d:%d: %s [%s]\n", file.c_str(), fixes.places[i].line,
                fixes.places[i].column, fixed.message.c_str(),
                std::string(dsl::InfoOf(fixed.kind).code).c_str());
  }
}

/// Mends the file; false, and that is said, if it cannot be written.
bool FixFile(const CheckOptions& options, const dsl::Source& source, dsl::FixResult& fixes) {
  fixes = dsl::FixAll(
      source, [&](const dsl::Source& text) { return CheckText(options.flow, text.text()); });
  if (fixes.fixed.empty()) return true;
  const engine::Status written = WriteFile(options.flow.file, fixes.text);
  if (!written.ok()) Fail(kMachineLacks, written.error().message);
  return written.ok();
}

}  // namespace

int RunCheck(const CheckOptions& options) {
  int exit_code = kFine;
  std::optional<LoadedFlow> loaded = LoadFlow(options.flow, Need::kCheck, exit_code);
  if (!loaded) return exit_code;
  dsl::FixResult fixes;
  if (options.fix) {
    if (!FixFile(options, loaded->result.sources.main(), fixes)) return kMachineLacks;
    if (!fixes.fixed.empty()) {
      loaded = LoadFlow(options.flow, Need::kCheck, exit_code, &fixes.text);
      if (!loaded) return exit_code;
    }
  }
  if (options.models && !CheckModelFiles(options, loaded->result)) return kMachineLacks;
  const dsl::Diagnostics& diagnostics = loaded->result.diagnostics;
  const bool is_fine = !diagnostics.has_errors();
  if (options.flow.json) {
    PrintJson(*loaded, options, fixes);
  } else if (options.sarif) {
    std::fputs(dsl::RenderSarif(diagnostics, loaded->result.sources).c_str(), stdout);
  } else {
    PrintFixed(fixes, options.flow.file);
    PrintDiagnostics(diagnostics, loaded->result.sources, true);
    std::fprintf(is_fine ? stdout : stderr, "%s\n", Summary(*loaded, options.flow.file).c_str());
  }
  if (is_fine) return kFine;
  return LacksOnlyFiles(diagnostics) ? kMachineLacks : kFlowIsWrong;
}

}  // namespace raceway::tools
