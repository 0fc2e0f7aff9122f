#pragma once

#include <string>

namespace raceway::tools {

/// Asks the library that holds the engine to load the plugin `path` into this process. `contracts`
/// is what it declares, or what is wrong with it, as `operators::ContractsFromJson` reads it.
using PluginFunction = void(const std::string& path, std::string& contracts);
constexpr const char kPluginFunction[] = "raceway_plugin_contracts";

}  // namespace raceway::tools
