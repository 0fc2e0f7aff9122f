// `raceway compile`: a flow file → a plan file.
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tools/raceway/command.h"
#include "tools/raceway/files.h"

namespace raceway::tools {

int RunCompile(const CompileOptions& options) {
  int exit_code = kFine;
  const std::optional<LoadedFlow> loaded = LoadFlow(options.flow, Need::kPlanAndFiles, exit_code);
  if (!loaded) return exit_code;
  PrintDiagnostics(loaded->result.diagnostics, loaded->result.sources, false);
  if (loaded->result.is_file_missing) return kMachineLacks;
  if (!loaded->result.physical) return kFlowIsWrong;
  std::filesystem::path output = options.output;
  if (output.empty()) output = std::filesystem::path(options.flow.file).replace_extension(".plan");
  const engine::PhysicalPlan& plan = *loaded->result.physical;
  if (options.output == "-") {
    std::fputs(engine::ToJson(plan).c_str(), stdout);
    return kFine;
  }
  const std::filesystem::path base = std::filesystem::path(options.flow.file).parent_path();
  if (const int checked = MayWrite(output, FilesOf(plan, options.flow.file, base));
      checked != kFine)
    return checked;
  const engine::Status written = WriteFile(output, engine::ToJson(plan));
  if (!written.ok()) return Fail(kMachineLacks, written.error().message);
  if (options.flow.json) {
    nlohmann::ordered_json out;
    out["plan"] = output.string();
    out["flow"] = plan.flow;
    out["stages"] = plan.stages.size();
    out["files"] = nlohmann::ordered_json::array();
    for (const engine::FileSpec& file : plan.files) out["files"].push_back(file.path);
    const auto replace = nlohmann::json::error_handler_t::replace;  // names of files
    std::puts(out.dump(2, ' ', false, replace).c_str());
  } else {
    std::printf("%s: flow %s, %zu stage%s, %zu file%s\n", output.c_str(), plan.flow.c_str(),
                plan.stages.size(), plan.stages.size() == 1 ? "" : "s", plan.files.size(),
                plan.files.size() == 1 ? "" : "s");
    std::error_code ignored;
    const bool is_beside =
        std::filesystem::equivalent(output.parent_path() / ".", base / ".", ignored);
    if (!plan.files.empty() && !is_beside) {
      std::printf("its files lie beside the flow: raceway run %s --base %s\n", output.c_str(),
                  base.empty() ? "." : base.c_str());
    }
  }
  return kFine;
}

}  // namespace raceway::tools
