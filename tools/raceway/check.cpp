// `raceway check`: everything that can be known from the text, and what can be mended in it; with
// `--models` also what the files of models say. Of one file, or of all in a folder.

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <variant>

#include "dsl/fix.h"
#include "tools/raceway/command.h"
#include "tools/raceway/files.h"
#include "tools/raceway/flow_files.h"
#include "tools/raceway/merge_sarif.h"
#include "tools/raceway/model_files.h"

namespace raceway::tools {
namespace {

using nlohmann::ordered_json;

std::string Count(int64_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

/// A file and what was found; without `loaded` that was said already.
struct CheckedFile {
  std::string file;
  int exit_code = kFine;
  std::optional<LoadedFlow> loaded = std::nullopt;
  dsl::FixResult fixes = {};

  bool is_fine() const { return loaded && !loaded->result.diagnostics.has_errors(); }
};

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

ordered_json AsJson(const CheckedFile& checked, bool fix) {
  ordered_json out;
  out["file"] = checked.file;
  out["ok"] = checked.is_fine();
  if (fix) out["fixed"] = FixedAsJson(checked.fixes);
  out["diagnostics"] = ordered_json::array();
  if (checked.loaded) {
    const compiler::CompileResult& result = checked.loaded->result;
    out["diagnostics"] = ordered_json::parse(dsl::RenderJson(result.diagnostics, result.sources));
  }
  return out;
}

void PrintJson(const ordered_json& out) {
  const auto replace = nlohmann::json::error_handler_t::replace;  // the file's name
  std::puts(out.dump(2, ' ', false, replace).c_str());
}

std::string SarifOf(const CheckedFile& checked) {
  if (!checked.loaded) return dsl::RenderSarif({}, {});
  return dsl::RenderSarif(checked.loaded->result.diagnostics, checked.loaded->result.sources);
}

void PrintFixed(const dsl::FixResult& fixes, const std::string& file) {
  for (size_t i = 0; i < fixes.fixed.size(); ++i) {
    const dsl::Diagnostic& fixed = fixes.fixed[i];
    std::printf("fixed %s:%d:%d: %s [%s]\n", file.c_str(), fixes.places[i].line,
                fixes.places[i].column, fixed.message.c_str(),
                std::string(dsl::InfoOf(fixed.kind).code).c_str());
  }
}

/// What stands nowhere in `said` yet, and then does: a file that several import is read with each.
dsl::Diagnostics NotYetSaid(const compiler::CompileResult& result, std::set<std::string>& said) {
  dsl::Diagnostics fresh;
  for (const dsl::Diagnostic& one : result.diagnostics.Sorted()) {
    const dsl::Source& source = result.sources.Of(one.where);
    std::error_code ignored;
    const std::string file = std::filesystem::weakly_canonical(source.name(), ignored).string();
    const std::string place = file + ":" + std::to_string(one.where.begin - source.base());
    if (said.insert(place + ": " + one.message).second) fresh.Add(one);
  }
  return fresh;
}

void PrintText(const CheckedFile& checked, std::set<std::string>& said) {
  if (!checked.loaded) return;
  const compiler::CompileResult& result = checked.loaded->result;
  PrintFixed(checked.fixes, checked.file);
  PrintDiagnostics(NotYetSaid(result, said), result.sources, true);
  std::fprintf(checked.is_fine() ? stdout : stderr, "%s\n",
               Summary(*checked.loaded, checked.file).c_str());
  std::fflush(stdout);  // in its place between what is said of other files
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

/// Fills `checked` but for its exit code, which is given back.
int Check(const CheckOptions& options, CheckedFile& checked) {
  int exit_code = kFine;
  std::optional<LoadedFlow> loaded = LoadFlow(options.flow, Need::kCheck, exit_code);
  if (!loaded) return exit_code;
  if (loaded->result.is_badly_set) {
    checked.loaded = std::move(loaded);
    return exit_code;
  }
  if (options.fix) {
    dsl::FixResult& fixes = checked.fixes;
    if (!FixFile(options, loaded->result.sources.main(), fixes)) return kMachineLacks;
    if (!fixes.fixed.empty()) {
      loaded = LoadFlow(options.flow, Need::kCheck, exit_code, &fixes.text);
      if (!loaded) return exit_code;
    }
  }
  if (options.models && !CheckModelFiles(options, loaded->result)) return kMachineLacks;
  checked.loaded = std::move(loaded);
  if (checked.is_fine()) return kFine;
  return LacksOnlyFiles(checked.loaded->result.diagnostics) ? kMachineLacks : kFlowIsWrong;
}

CheckedFile CheckFile(CheckOptions options, const std::string& file) {
  CheckedFile checked{file};
  options.flow.file = file;
  checked.exit_code = Check(options, checked);
  return checked;
}

int CheckOneFile(const CheckOptions& options) {
  const CheckedFile checked = CheckFile(options, options.flow.file);
  if (!checked.loaded) return checked.exit_code;
  if (options.flow.json) {
    PrintJson(AsJson(checked, options.fix));
  } else if (options.sarif) {
    std::fputs(SarifOf(checked).c_str(), stdout);
  } else {
    std::set<std::string> said;
    PrintText(checked, said);
  }
  return checked.exit_code;
}

/// Of several files that of the worst: a call that is wrong, a flow, a machine that lacks
/// something.
int WorseOf(int one, int other) {
  for (const int code : {kUsage, kFlowIsWrong, kMachineLacks}) {
    if (one == code || other == code) return code;
  }
  return kFine;
}

int CheckFolder(const CheckOptions& options, const std::vector<std::string>& files) {
  int exit_code = kFine;
  size_t num_fine = 0;
  std::set<std::string> said;
  ordered_json json = ordered_json::array();
  std::vector<std::string> sarif;
  for (const std::string& file : files) {
    const CheckedFile checked = CheckFile(options, file);
    exit_code = WorseOf(exit_code, checked.exit_code);
    num_fine += checked.is_fine() ? 1 : 0;
    if (options.flow.json) {
      json.push_back(AsJson(checked, options.fix));
    } else if (options.sarif) {
      sarif.push_back(SarifOf(checked));
    } else {
      PrintText(checked, said);
    }
  }
  const bool is_fine = num_fine == files.size();
  if (options.flow.json) {
    PrintJson({{"folder", options.flow.file}, {"ok", is_fine}, {"files", std::move(json)}});
  } else if (options.sarif) {
    std::fputs(MergeSarif(sarif).c_str(), stdout);
  } else {
    const std::string fine = is_fine ? "all fine" : std::to_string(num_fine) + " fine";
    std::fprintf(is_fine ? stdout : stderr, "%s: %s, %s\n", options.flow.file.c_str(),
                 Count(static_cast<int64_t>(files.size()), "file").c_str(), fine.c_str());
  }
  return exit_code;
}

}  // namespace

int RunCheck(const CheckOptions& options) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(options.flow.file, ignored)) return CheckOneFile(options);
  const engine::Result<std::vector<std::string>> files = FlowFilesOf(options.flow.file);
  return files.ok() ? CheckFolder(options, *files) : Fail(kUsage, files.error().message);
}

}  // namespace raceway::tools
