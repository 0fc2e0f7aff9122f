#include "engine/load/crc.h"

#include <libdeflate.h>
#include <zlib.h>

namespace raceway::engine::load {

uint32_t Crc32(std::span<const std::byte> bytes, uint32_t before) {
  return libdeflate_crc32(before, bytes.data(), bytes.size());
}

uint32_t Crc32Combine(uint32_t first, uint32_t second, uint64_t second_size) {
  return static_cast<uint32_t>(crc32_combine(first, second, static_cast<z_off_t>(second_size)));
}

}  // namespace raceway::engine::load
