#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace raceway::engine::load {

/// CRC-32 as in zip archives, by carry-less multiplication where the processor has it. 0 of no
/// bytes. `before` is that of the bytes in front of these.
uint32_t Crc32(std::span<const std::byte> bytes, uint32_t before = 0);

/// The CRC-32 of `first` and then `second`, which is `second_size` bytes long, from those of each.
uint32_t Crc32Combine(uint32_t first, uint32_t second, uint64_t second_size);

}  // namespace raceway::engine::load
