#pragma once

#include <optional>
#include <string>
#include <vector>

#include "compiler/load/modules.h"
#include "engine/value.h"

namespace raceway::compiler {

/// A value for a parameter from outside: `--set name=value`, a line of a file of parameters.
struct ParamSetting {
  std::string name;                    // as the main file calls it: "limit", "x.limit"
  std::string text;                    // as a flow would write the value
  std::optional<engine::Value> value;  // where it has a type already; then `text` does not count
  std::string said;                    // for messages about the value: "--set limit=3"
  std::string said_name;               // for messages about the name: "--set limit"
};

/// `--set name=text`
ParamSetting SetParam(const std::string& name, const std::string& text);

/// For each module the settings of its parameters, by their names in it. Settable are those of the
/// main file and, by the names they have there, those of the files it imports. `usage_error` says
/// which name is none, if any.
std::vector<std::vector<ParamSetting>> SettingsByModule(const Modules& modules,
                                                        const std::vector<ParamSetting>& settings,
                                                        std::string& usage_error);

}  // namespace raceway::compiler
