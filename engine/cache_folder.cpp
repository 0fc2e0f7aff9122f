#include "engine/cache_folder.h"

#include <cstdlib>

namespace raceway::engine {

std::filesystem::path CacheFolder() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  if (cache != nullptr && std::filesystem::path(cache).is_absolute()) {
    return std::filesystem::path(cache) / "raceway";
  }
  const char* home = std::getenv("HOME");
  if (home == nullptr || !std::filesystem::path(home).is_absolute()) return {};
  return std::filesystem::path(home) / ".cache" / "raceway";
}

}  // namespace raceway::engine
