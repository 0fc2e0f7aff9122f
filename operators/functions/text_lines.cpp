#include "operators/functions/text_lines.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "operators/utf8.h"

namespace raceway::operators {

using engine::Error;
using engine::ErrorCode;

engine::Result<std::vector<std::string>> ReadLines(const std::filesystem::path& base_dir,
                                                   const std::string& file) {
  std::ifstream stream(base_dir / file, std::ios::binary);
  std::vector<std::string> lines;
  std::string line;
  while (stream && std::getline(stream, line)) {
    if (line.ends_with('\r')) line.pop_back();
    if (Utf8PrefixLength(line) != line.size()) {
      return Error{ErrorCode::kInvalidArgument,
                   file + ":" + std::to_string(lines.size() + 1) + " is not UTF-8"};
    }
    lines.push_back(std::move(line));
  }
  if (!stream.eof()) {
    return Error{ErrorCode::kUnavailable, "cannot read " + file + ": " + std::strerror(errno)};
  }
  return lines;
}

}  // namespace raceway::operators
