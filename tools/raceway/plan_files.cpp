#include "tools/raceway/plan_files.h"

#include <string>
#include <utility>
#include <vector>

#include "engine/value.h"
#include "tools/raceway/file_hash.h"
#include "tools/raceway/plugins/probe.h"

namespace raceway::tools {
namespace {

using engine::Done;
using engine::Error;
using engine::ErrorCode;
using engine::Status;

Status CheckLibraries(const std::vector<engine::StageSpec>& stages,
                      const std::filesystem::path& base_dir) {
  for (const engine::StageSpec& stage : stages) {
    for (const engine::StepSpec& step : stage.steps) {
      const engine::Value options(step.options);
      const engine::Value* library = step.op == "plugin" ? options.Find("library") : nullptr;
      if (library != nullptr && library->AsString() != nullptr) {
        const std::string& path = *library->AsString();
        auto functions = FunctionsIn(base_dir / path, path, Probing::kAllowed);
        if (!functions) return std::move(functions).error();
      }
      for (const engine::BranchSpec& branch : step.branches) {
        if (Status checked = CheckLibraries(branch.stages, base_dir); !checked) return checked;
      }
    }
  }
  return Done{};
}

}  // namespace

Status CheckPlanFiles(const engine::PhysicalPlan& plan, const std::filesystem::path& base_dir) {
  for (const engine::FileSpec& expected : plan.files) {
    engine::Result<engine::FileSpec> found = HashFile(base_dir, expected.path);
    if (!found) return std::move(found).error();
    if (*found == expected) continue;
    return Error{ErrorCode::kUnavailable,
                 "`" + expected.path +
                     "` is not the file the plan was compiled with (its content has changed); "
                     "compile the flow again"};
  }
  return CheckLibraries(plan.stages, base_dir);
}

}  // namespace raceway::tools
