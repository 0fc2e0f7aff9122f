#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "compiler/rewrite/optimize.h"
#include "operators/contracts.h"
#include "tools/raceway/command.h"
#include "tools/raceway/files.h"

namespace raceway::tools {
namespace {

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
    settings.emplace_back(setting.substr(0, equals), setting.substr(equals + 1));
  }
  return settings;
}

}  // namespace

int Fail(int code, const std::string& message) {
  const bool color = ::isatty(STDERR_FILENO) != 0;
  std::fprintf(stderr, "%sraceway:%s %s\n", color ? "\033[1;31m" : "", color ? "\033[0m" : "",
               message.c_str());
  return code;
}

void PrintDiagnostics(const dsl::Diagnostics& diagnostics, const dsl::Source& source, bool notes) {
  dsl::Diagnostics shown;
  for (const dsl::Diagnostic& diagnostic : diagnostics.Sorted()) {
    if (!notes && dsl::InfoOf(diagnostic.kind).severity == dsl::Severity::kNote) continue;
    dsl::Diagnostic& copy = shown.Add(diagnostic.kind, diagnostic.where, diagnostic.message);
    copy.notes = diagnostic.notes;
    copy.help = diagnostic.help;
  }
  if (shown.empty()) return;
  const dsl::RenderOptions options{.color = ::isatty(STDERR_FILENO) != 0};
  std::fputs(dsl::Render(shown, source, options).c_str(), stderr);
}

std::optional<LoadedFlow> LoadFlow(const FlowOptions& options, bool with_files, int& exit_code) {
  const std::filesystem::path path = options.file;
  // A little more than the parser takes, so that the parser says what is wrong with a large file.
  engine::Result<std::string> text = ReadFile(path, dsl::Source::kMaxBytes + 1);
  if (!text.ok()) {
    exit_code = Fail(kUsage, text.error().message);
    return std::nullopt;
  }
  const auto settings = SplitSettings(options.set);
  if (!settings) {
    exit_code = kUsage;
    return std::nullopt;
  }
  for (const std::string& pass : options.without) {
    std::vector<std::string> known;
    for (const compiler::Pass& other : compiler::AllPasses()) known.emplace_back(other.name);
    if (std::find(known.begin(), known.end(), pass) != known.end()) continue;
    std::string list;
    for (const std::string& name : known) list += (list.empty() ? "" : ", ") + name;
    exit_code = Fail(kUsage, "--without: no rewrite `" + pass + "`; there are: " + list);
    return std::nullopt;
  }
  LoadedFlow loaded{dsl::Source(options.file, *std::move(text)), {}, {}};
  engine::Catalog catalog;
  operators::RegisterContracts(catalog);
  const dsl::ParseResult parsed = dsl::Parse(loaded.source);
  compiler::CompileOptions compile{.params = *settings, .without = options.without};
  // With mistakes in the file the flow that is meant may be one of those left out.
  if (!parsed.diagnostics.has_errors()) {
    engine::Result<std::string> flow =
        compiler::SelectFlow(parsed.file, options.flow, path.stem().string());
    if (!flow.ok()) {
      exit_code = Fail(kUsage, options.file + ": " + flow.error().message);
      return std::nullopt;
    }
    loaded.flow = *flow;
    compile.flow = *flow;
  }
  HashedFiles hashed(path.parent_path());
  UnreadFiles unread;
  compiler::Files& files = with_files ? static_cast<compiler::Files&>(hashed) : unread;
  loaded.result = compiler::Compile(loaded.source, catalog, files, compile);
  if (!loaded.result.usage_error.empty()) {
    exit_code = Fail(kUsage, loaded.result.usage_error);
    return std::nullopt;
  }
  return loaded;
}

}  // namespace raceway::tools
