#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/result.h"

namespace raceway::operators {

/// The lines of a text file, which a setting names as `file`.
///
/// Errors   Unavailable where it cannot be read, InvalidArgument for a line that is not UTF-8
engine::Result<std::vector<std::string>> ReadLines(const std::filesystem::path& base_dir,
                                                   const std::string& file);

}  // namespace raceway::operators
