#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/catalog.h"

/// What was found in libraries of before, in `$XDG_CACHE_HOME/raceway/plugins`, a file for each
/// content. Where nothing can be written nothing is remembered.
namespace raceway::tools {

std::optional<std::vector<engine::FunctionContract>> CachedContracts(const std::string& sha256);

void CacheContracts(const std::string& sha256,
                    const std::vector<engine::FunctionContract>& contracts);

}  // namespace raceway::tools
