// `raceway plugin`: what is in a library of native functions; and the process that finds it out.
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "operators/plugins/contract_json.h"
#include "tools/raceway/command.h"
#include "tools/raceway/engine_library.h"
#include "tools/raceway/plugins/plugin_request.h"
#include "tools/raceway/plugins/probe.h"

namespace raceway::tools {
namespace {

using engine::FunctionContract;
using engine::SettingContract;

/// "(px: u8[H, W, 3])"
std::string ColumnsText(const std::vector<engine::Field>& columns) {
  return ToString(engine::Schema(columns));
}

std::string SettingText(const SettingContract& setting) {
  constexpr const char* kKinds[] = {"integer", "number",  "string",
                                    "bool",    "numbers", "file"};  // as SettingContract::Kind
  std::string text = "  " + setting.name + ": " + kKinds[static_cast<size_t>(setting.kind)];
  if (setting.required) text += ", required";
  for (size_t i = 0; i < setting.allowed.size(); ++i) {
    text += (i == 0 ? ", one of \"" : ", \"") + setting.allowed[i] + "\"";
  }
  if (setting.least) text += ", at least " + ToString(engine::Value(*setting.least));
  if (setting.greatest) text += ", at most " + ToString(engine::Value(*setting.greatest));
  return setting.doc.empty() ? text : text + ". " + setting.doc;
}

void Print(const std::vector<FunctionContract>& functions, const std::string& file) {
  for (const FunctionContract& function : functions) {
    if (!function.doc.empty()) std::printf("/// %s\n", function.doc.c_str());
    const size_t dot = function.name.rfind('.');
    const std::string own = function.name.substr(dot == std::string::npos ? 0 : dot + 1);
    std::printf("fn %s%s -> %s { native: \"%s\", library: \"%s\" }\n", own.c_str(),
                ColumnsText(function.params).c_str(), ColumnsText(function.results).c_str(),
                function.name.c_str(), file.c_str());
    for (const SettingContract& setting : function.settings) {
      std::printf("//%s\n", SettingText(setting).c_str());
    }
  }
}

/// In the process that may die of it.
int Probe(const std::string& file) {
  // Whoever started it and is gone wants no answer; a library that hangs must not stay behind.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  auto* load = reinterpret_cast<PluginFunction*>(EngineFunction(kPluginFunction));
  if (load == nullptr) return kMachineLacks;
  std::string contracts;
  load(file, contracts);
  for (size_t written = 0; written < contracts.size();) {
    const ssize_t count =
        ::write(kProbeDescriptor, contracts.data() + written, contracts.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return kMachineLacks;
    written += static_cast<size_t>(count);
  }
  // All that counts is said: what the library does at its end is another matter.
  ::_exit(kFine);
}

}  // namespace

int RunPlugin(const PluginOptions& options) {
  if (options.probe) return Probe(options.file);
  const auto functions = FunctionsIn(options.file, options.file, Probing::kAllowed);
  if (!functions.ok()) {
    const bool is_missing = functions.error().code == engine::ErrorCode::kUnavailable;
    return Fail(is_missing ? kMachineLacks : kFlowIsWrong, functions.error().message);
  }
  if (options.json) {
    std::puts(operators::ContractsAsJson(functions).c_str());
  } else {
    Print(*functions, options.file);
  }
  return kFine;
}

}  // namespace raceway::tools
