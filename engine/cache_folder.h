#pragma once

#include <filesystem>

namespace raceway::engine {

/// Where to keep what can be made again: `$XDG_CACHE_HOME/raceway`, in `~/.cache` by default. It
/// may not exist yet; empty where the user has no such place.
std::filesystem::path CacheFolder();

}  // namespace raceway::engine
