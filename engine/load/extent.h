#pragma once

#include <cstdint>
#include <optional>

namespace raceway::engine::load {

/// Where the bytes of one storage lie. A list of them is in the order of first use.
struct Extent {
  int32_t storage;                // dense, from 0; each storage has one extent
  int32_t file;                   // index of the file among those of the model
  uint64_t offset;                // in bytes, from the beginning of the file
  uint64_t size;                  // in bytes, may be 0
  std::optional<uint32_t> crc32;  // of the bytes, as in a zip's directory; none: not known
};

}  // namespace raceway::engine::load
