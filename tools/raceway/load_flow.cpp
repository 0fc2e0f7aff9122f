#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <utility>

#include "compiler/rewrite/optimize.h"
#include "dsl/literal.h"
#include "operators/contracts.h"
#include "tools/raceway/command.h"
#include "tools/raceway/files.h"
#include "tools/raceway/params_file.h"

namespace raceway::tools {
namespace {

/// A name as the file may write it, with or without backquotes.
std::string PlainName(std::string name) {
  std::erase(name, '`');
  return name;
}

/// `name=value` parts; null (and said) if one is not of that form.
std::optional<std::vector<std::pair<std::string, std::string>>> SplitSettings(
    const std::vector<std::string>& set) {
  std::vector<std::pair<std::string, std::string>> settings;
  for (const std::string& setting : set) {
    const size_t equals = setting.find('=');
    if (equals == std::string::npos || equals == 0) {
      Fail(kUsage, "--set wants name=value, this is `" + setting + "`");
      return std::nullopt;
    }
    if (dsl::FindInvalidUtf8(setting)) {
      Fail(kUsage, "--set: name and value are UTF-8, here is another byte");
      return std::nullopt;
    }
    settings.emplace_back(PlainName(setting.substr(0, equals)), setting.substr(equals + 1));
  }
  return settings;
}

bool CheckPassNames(const std::vector<std::string>& names) {
  std::string list;
  for (const compiler::Pass& pass : compiler::AllPasses()) {
    list += (list.empty() ? "" : ", ") + std::string(pass.name);
  }
  for (const std::string& name : names) {
    const auto is_it = [&](const compiler::Pass& pass) { return pass.name == name; };
    const auto passes = compiler::AllPasses();
    if (std::any_of(passes.begin(), passes.end(), is_it)) continue;
    Fail(kUsage, "--without: no rewrite `" + name + "`; there are: " + list);
    return false;
  }
  return true;
}

std::unique_ptr<compiler::Files> FilesFor(Need need, const std::filesystem::path& base_dir) {
  if (need == Need::kPlanAndFiles) return std::make_unique<HashedFiles>(base_dir);
  if (need == Need::kPlanToShow) return std::make_unique<FilesIfThere>(base_dir);
  return std::make_unique<UnreadFiles>(base_dir);
}

}  // namespace

void PrintDiagnostics(const dsl::Diagnostics& diagnostics, const dsl::SourceSet& sources,
                      bool notes) {
  dsl::Diagnostics shown;
  for (const dsl::Diagnostic& diagnostic : diagnostics.Sorted()) {
    const bool is_note = dsl::InfoOf(diagnostic.kind).severity == dsl::Severity::kNote;
    if (notes || !(is_note || diagnostic.is_of_test)) shown.Add(diagnostic);
  }
  if (shown.empty()) return;
  const dsl::RenderOptions options{.color = ::isatty(STDERR_FILENO) != 0};
  std::fputs(dsl::Render(shown, sources, options).c_str(), stderr);
}

std::optional<LoadedFlow> LoadFlow(const FlowOptions& options, Need need, int& exit_code,
                                   const std::string* given) {
  exit_code = kUsage;
  const std::filesystem::path path = options.file;
  if (path.extension() == ".plan") {
    Fail(kUsage, "`" + options.file + "` is a compiled plan; only `run` takes one");
    return std::nullopt;
  }
  // More than the parser takes, so that the parser says what is wrong with a large file.
  engine::Result<std::string> text =
      given != nullptr ? *given : ReadFile(path, int64_t{64} * dsl::Source::kMaxBytes);
  if (!text.ok()) return Fail(kUsage, text.error().message), std::nullopt;
  auto settings = SplitSettings(options.set);
  if (!settings || !CheckPassNames(options.without)) return std::nullopt;
  std::vector<compiler::ParamSetting> param_file;
  if (!options.params.empty()) {
    auto read = ReadParams(options.params);
    if (!read.ok()) return Fail(kUsage, "--params: " + read.error().message), std::nullopt;
    param_file = *std::move(read);
  }

  LoadedFlow loaded;
  const dsl::Source source(options.file, *std::move(text));
  dsl::ParseResult parsed = dsl::Parse(source);
  compiler::CompileOptions compile{std::nullopt, *std::move(settings),  options.without,
                                   false,        std::move(param_file), options.hint};
  const bool is_of_all = need == Need::kCheck || need == Need::kTests;
  compile.plan_tests = need == Need::kTests;
  const bool is_flow_wanted = !is_of_all || options.flow;
  // With mistakes in the file the flow that is meant may be one of those left out.
  if (is_flow_wanted && !parsed.diagnostics.has_errors_of_flows()) {
    engine::Result<std::string> flow =
        compiler::SelectFlow(parsed.file, options.flow, path.stem().string());
    if (!flow.ok()) {
      return Fail(kUsage, options.file + ": " + flow.error().message), std::nullopt;
    }
    loaded.flow = *flow;
    if (!is_of_all) compile.flow = *flow;
  }
  engine::Catalog catalog;
  operators::RegisterContracts(catalog);
  const std::unique_ptr<compiler::Files> files = FilesFor(need, path.parent_path());
  loaded.result = compiler::Compile(std::move(parsed), source, catalog, *files, compile);
  if (!loaded.result.usage_error.empty()) {
    return Fail(kUsage, options.file + ": " + loaded.result.usage_error), std::nullopt;
  }
  if (loaded.result.is_badly_set) {
    if (need == Need::kCheck) return loaded;  // which shows them in its own way
    PrintDiagnostics(loaded.result.diagnostics, loaded.result.sources, true);
    return std::nullopt;
  }
  exit_code = kFine;
  return loaded;
}

}  // namespace raceway::tools
