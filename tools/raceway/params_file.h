#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "compiler/check/params.h"
#include "engine/result.h"

namespace raceway::tools {

/// The parameters in a TOML file: `threshold = 0.9`, and `x.limit = 3` or a table `[x]` for those
/// of the file that is imported as `x`.
///
/// Errors   Unavailable if it cannot be read; InvalidArgument, with the line, for what is no TOML
///          and for values that no parameter has (lists, dates)
engine::Result<std::vector<compiler::ParamSetting>> ReadParams(const std::filesystem::path& path);

}  // namespace raceway::tools
