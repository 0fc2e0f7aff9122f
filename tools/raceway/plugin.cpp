// `raceway plugin`: what is in a library of native functions.
#include <cstdio>
#include <string>
#include <vector>

#include "dsl/print.h"
#include "operators/plugins/contract_json.h"
#include "tools/raceway/command.h"
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
    std::printf("fn %s%s -> %s { native: \"%s\", library: \"%s\" }\n", dsl::SpellName(own).c_str(),
                ColumnsText(function.params).c_str(), ColumnsText(function.results).c_str(),
                function.name.c_str(), file.c_str());
    for (const SettingContract& setting : function.settings) {
      std::printf("//%s\n", SettingText(setting).c_str());
    }
  }
}

}  // namespace

int RunPlugin(const PluginOptions& options) {
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
