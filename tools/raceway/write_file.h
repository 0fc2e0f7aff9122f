#pragma once

#include <filesystem>
#include <string>

#include "engine/result.h"

namespace raceway::tools {

/// Writes `text` so that the file is there whole or not at all. One that is there keeps its mode.
///
/// Errors   Unavailable, with the reason
engine::Status WriteFile(const std::filesystem::path& path, const std::string& text);

}  // namespace raceway::tools
