#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/result.h"

namespace raceway::engine::load {

/// What the header of a safetensors file says of one tensor.
struct SafetensorsEntry {
  std::string name;
  std::string dtype;  // "BF16"
  std::vector<int64_t> sizes;
  uint64_t begin = 0;  // in the data behind the header, in bytes
  uint64_t end = 0;
};

/// Parses such a header. Strict: a name that is there twice, a member that is missing or unknown
/// and a number that is no u64 are errors. Metadata is left out.
///
/// Errors   InvalidArgument, without the file
Result<std::vector<SafetensorsEntry>> ParseSafetensorsHeader(std::string_view text);

}  // namespace raceway::engine::load
