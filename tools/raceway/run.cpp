// `raceway run`: compiles, then opens the engine and hands it the plan.
#include <algorithm>
#include <filesystem>
#include <vector>

#include "dsl/diagnostic.h"
#include "tools/raceway/command.h"
#include "tools/raceway/engine_library.h"
#include "tools/raceway/files.h"
#include "tools/raceway/plan_files.h"
#include "tools/raceway/run_request.h"

namespace raceway::tools {
namespace {

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
  const engine::Status checked = CheckPlanFiles(plan, base_dir);
  return checked.ok() ? kFine : Fail(kMachineLacks, checked.error().message);
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

/// "`users` and `items`"
std::string NamesOf(const std::vector<engine::InputSpec>& tables) {
  std::string text;
  for (const engine::InputSpec& table : tables) {
    const bool is_last = &table == &tables.back();
    text += (text.empty() ? "`" : is_last ? " and `" : ", `") + table.name + "`";
  }
  return text;
}

/// The file of each table, from `--in table=file`.
int ReadTables(const RunOptions& options, const engine::PhysicalPlan& plan, RunRequest& request) {
  request.rows.assign(plan.inputs.size(), "");
  std::vector<std::string> known;
  for (const engine::InputSpec& table : plan.inputs) known.push_back(table.name);
  for (const std::string& in : options.in) {
    const size_t equals = in.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == in.size()) {
      return Fail(kUsage, "--in wants TABLE=FILE, this is `" + in + "`");
    }
    const std::string name = in.substr(0, equals);
    const auto table = std::find(known.begin(), known.end(), name);
    if (table == known.end()) {
      const std::string hint = dsl::DidYouMeanText(name, known);
      return Fail(kUsage, "--in " + name + ": flow `" + plan.flow + "` takes no such table" +
                              (hint.empty() ? "" : ", " + hint) + "; it takes " +
                              NamesOf(plan.inputs));
    }
    std::string& file = request.rows[static_cast<size_t>(table - known.begin())];
    if (!file.empty()) return Fail(kUsage, "--in " + name + " is there twice");
    file = in.substr(equals + 1);
  }
  for (size_t i = 0; i < known.size(); ++i) {
    if (!request.rows[i].empty()) continue;
    return Fail(kUsage, "no rows for the table `" + known[i] + "` of flow `" + plan.flow +
                            "`: --in " + known[i] + "=FILE");
  }
  if (std::count(request.rows.begin(), request.rows.end(), "-") > 1) {
    return Fail(kUsage, "standard input can give the rows of one table only");
  }
  return kFine;
}

int ReadSources(const RunOptions& options, RunRequest& request) {
  const engine::PhysicalPlan& plan = request.plan;
  if (!options.in.empty() || plan.inputs.size() > 1) {
    if (options.per_row && plan.inputs.size() > 1) {
      return Fail(kUsage, "--per-row goes with flows of one table; `" + plan.flow + "` takes " +
                              NamesOf(plan.inputs));
    }
    if (options.in.empty()) {
      return Fail(kUsage, "flow `" + plan.flow + "` takes " + NamesOf(plan.inputs) +
                              ": say which rows are whose, --in " + plan.inputs.front().name +
                              "=FILE");
    }
    return ReadTables(options, plan, request);
  }
  if (options.rows.empty() && options.each.empty()) {
    return Fail(kUsage, "say where the rows of `" + plan.inputs.front().name +
                            "` come from: --rows FILE, or --each COLUMN=PATTERN");
  }
  if (!options.rows.empty()) request.rows = {options.rows};
  request.each = options.each;
  return kFine;
}

}  // namespace

int RunFlow(const RunOptions& options) {
  const int num_sources = (options.rows.empty() ? 0 : 1) + (options.each.empty() ? 0 : 1) +
                          (options.in.empty() ? 0 : 1);
  if (num_sources > 1) {
    return Fail(kUsage,
                "give either --rows FILE or --each COLUMN=PATTERN or --in TABLE=FILE, not two of "
                "them");
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
  const int read = ReadSources(options, request);
  if (read != kFine) return read;
  request.per_row = options.per_row;
  request.deadline_ms = options.deadline_ms;
  request.workers = options.workers;
  request.json = options.flow.json;
  request.trace = options.trace;
  request.trace_ops = options.trace_ops;
  if (!options.trace.empty()) {
    std::vector<std::filesystem::path> read_files = FilesOf(request.plan, path, request.base_dir);
    read_files.insert(read_files.end(), request.rows.begin(), request.rows.end());
    if (const int checked = MayWrite(options.trace, read_files); checked != kFine) return checked;
  }
  auto* run = reinterpret_cast<RunFunction*>(EngineFunction(kRunFunction));
  return run == nullptr ? kMachineLacks : run(request);
}

}  // namespace raceway::tools
