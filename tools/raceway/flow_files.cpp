#include "tools/raceway/flow_files.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace raceway::tools {

namespace fs = std::filesystem;
using engine::Error;
using engine::ErrorCode;

engine::Result<std::vector<std::string>> FlowFilesOf(const std::string& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return std::vector<std::string>{path};
  std::vector<std::string> files;
  fs::recursive_directory_iterator entry(path, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    std::error_code ignored;
    if (entry->path().extension() == ".flow" && entry->is_regular_file(ignored)) {
      files.push_back(entry->path().string());
    }
  }
  if (error) {
    return Error{ErrorCode::kUnavailable, "cannot read `" + path + "`: " + error.message()};
  }
  if (files.empty()) {
    return Error{ErrorCode::kUnavailable, "there is no .flow file below `" + path + "`"};
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace raceway::tools
