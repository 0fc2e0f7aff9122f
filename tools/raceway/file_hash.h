#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "engine/plan/physical_plan.h"
#include "engine/result.h"

namespace raceway::tools {

/// SHA-256, in hexadecimal.
std::string HashText(std::string_view bytes);

/// Size and SHA-256 of the file `path`, relative to `base_dir`.
///
/// Errors   Unavailable with the reason: missing, a folder, not readable
engine::Result<engine::FileSpec> HashFile(const std::filesystem::path& base_dir,
                                          const std::string& path);

}  // namespace raceway::tools
