#include "engine/load/memory_use.h"

#include <fstream>
#include <string>

namespace raceway::engine::load {

Result<MemoryUse> OwnMemoryUse() {
  std::ifstream file("/proc/self/smaps_rollup");
  MemoryUse use;
  std::string line;
  std::getline(file, line);  // the range of addresses
  std::string name;
  int64_t kilobytes = 0;
  bool has_pss = false;
  while (file >> name >> kilobytes && std::getline(file, line)) {
    const int64_t bytes = kilobytes * 1024;
    if (name == "Rss:") use.resident = bytes;
    if (name == "Pss:") use.proportional = bytes;
    if (name.starts_with("Private_")) use.own += bytes;
    has_pss = has_pss || name == "Pss:";
  }
  if (has_pss) return use;
  return Error{ErrorCode::kUnavailable, "/proc/self/smaps_rollup does not say what memory is used"};
}

}  // namespace raceway::engine::load
