#pragma once

#include <string>
#include <vector>

#include "engine/result.h"

namespace raceway::tools {

/// The flow files that `path` means: itself; of a folder all `*.flow` below it, sorted. Links to
/// folders are not followed.
///
/// Errors   Unavailable for a folder that cannot be read, or has none
engine::Result<std::vector<std::string>> FlowFilesOf(const std::string& path);

}  // namespace raceway::tools
