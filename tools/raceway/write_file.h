#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/result.h"

namespace raceway::tools {

/// Writes `text` so that the file is there whole or not at all. One that is there keeps its mode.
///
/// Errors   Unavailable, with the reason
engine::Status WriteFile(const std::filesystem::path& path, const std::string& text);

/// Whether `WriteFile` could, before hours of work; nothing is changed. Devices and pipes are not
/// tried.
///
/// Errors   InvalidArgument if it is one of the files that are read; Unavailable, with the reason
engine::Status CheckOutput(const std::filesystem::path& path,
                           const std::vector<std::filesystem::path>& inputs);

}  // namespace raceway::tools
