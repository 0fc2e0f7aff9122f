// `raceway run`: compiles, then opens the engine and hands it the plan.
#include <filesystem>

#include "tools/raceway/command.h"
#include "tools/raceway/engine_library.h"
#include "tools/raceway/files.h"
#include "tools/raceway/run_request.h"

namespace raceway::tools {
namespace {

/// Files may have changed since the plan was compiled; a model that did is another model.
int CheckFiles(const engine::PhysicalPlan& plan, const std::filesystem::path& base_dir) {
  HashedFiles files(base_dir);
  for (const engine::FileSpec& expected : plan.files) {
    engine::Result<engine::FileSpec> found = files.Describe(expected.path);
    if (!found.ok()) return Fail(kMachineLacks, found.error().message);
    if (*found != expected) {
      return Fail(kMachineLacks, "`" + expected.path + "` is not the file the plan was compiled " +
                                     "with (its content has changed); compile the flow again");
    }
  }
  return kFine;
}

int LoadPlan(const RunOptions& options, const std::filesystem::path& base_dir,
             engine::PhysicalPlan& plan) {
  if (!options.flow.set.empty() || !options.flow.params.empty() || !options.flow.hint.empty() ||
      !options.flow.without.empty()) {
    return Fail(kUsage,
                "--set, --params, --hint and --without go with a .flow file: a plan is compiled "
                "already");
  }
  const engine::Result<std::string> text = ReadFile(options.flow.file);
  if (!text.ok()) return Fail(kUsage, text.error().message);
  engine::Result<engine::PhysicalPlan> read = engine::PlanFromJson(*text);
  if (!read.ok()) return Fail(kFlowIsWrong, options.flow.file + ": " + read.error().message);
  if (const engine::Status valid = engine::Validate(*read); !valid.ok()) {
    return Fail(kFlowIsWrong, options.flow.file + ": " + valid.error().message);
  }
  plan = *std::move(read);
  if (options.flow.flow && *options.flow.flow != plan.flow) {
    return Fail(kUsage, options.flow.file + " holds the flow `" + plan.flow + "`");
  }
  return CheckFiles(plan, base_dir);
}

int CompilePlan(const RunOptions& options, engine::PhysicalPlan& plan) {
  int exit_code = kFine;
  std::optional<LoadedFlow> loaded = LoadFlow(options.flow, Need::kPlanAndFiles, exit_code);
  if (!loaded) return exit_code;
  PrintDiagnostics(loaded->result.diagnostics, loaded->result.sources, false);
  if (loaded->result.is_file_missing) return kMachineLacks;
  if (!loaded->result.physical) return kFlowIsWrong;
  plan = *std::move(loaded->result.physical);
  return kFine;
}

}  // namespace

int RunFlow(const RunOptions& options) {
  if (options.rows.empty() == options.each.empty()) {
    return Fail(kUsage,
                "say where the rows come from: either --rows FILE or --each COLUMN=PATTERN");
  }
  RunRequest request;
  const std::filesystem::path path = options.flow.file;
  const bool is_plan = path.extension() == ".plan";
  if (!is_plan && !options.base.empty()) return Fail(kUsage, "--base goes with a .plan file");
  request.base_dir =
      options.base.empty() ? path.parent_path() : std::filesystem::path(options.base);
  const int loaded = is_plan ? LoadPlan(options, request.base_dir, request.plan)
                             : CompilePlan(options, request.plan);
  if (loaded != kFine) return loaded;
  request.rows = options.rows;
  request.each = options.each;
  request.per_row = options.per_row;
  request.deadline_ms = options.deadline_ms;
  request.workers = options.workers;
  request.json = options.flow.json;
  auto* run = reinterpret_cast<RunFunction*>(EngineFunction(kRunFunction));
  return run == nullptr ? kMachineLacks : run(request);
}

}  // namespace raceway::tools
