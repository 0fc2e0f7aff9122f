#pragma once

#include <cstdint>

/// Numbers of the zip format, as its reader and its writer use them.
///
/// Source   PKWARE's APPNOTE 6.3, sections 4.3 to 4.5
namespace raceway::engine::load::zip {

inline constexpr uint32_t kLocalHeader = 0x04034b50;  // "PK\3\4", and so on
inline constexpr uint32_t kDirectoryHeader = 0x02014b50;
inline constexpr uint32_t kEnd = 0x06054b50;
inline constexpr uint32_t kEnd64 = 0x06064b50;
inline constexpr uint32_t kEnd64Locator = 0x07064b50;

// Sizes without names, extra fields and comments.
inline constexpr uint64_t kLocalHeaderBytes = 30;
inline constexpr uint64_t kDirectoryHeaderBytes = 46;
inline constexpr uint64_t kEndBytes = 22;
inline constexpr uint64_t kEnd64Bytes = 56;
inline constexpr uint64_t kEnd64LocatorBytes = 20;

inline constexpr uint16_t kIn64Bits16 = 0xffff;  // the number stands in the zip64 field
inline constexpr uint32_t kIn64Bits32 = 0xffffffff;
inline constexpr uint16_t kZip64Field = 1;  // kind of extra field

inline constexpr uint16_t kStored = 0;
inline constexpr uint16_t kDeflated = 8;

inline constexpr uint16_t kSizesBehindData = 1U << 3;  // flags
inline constexpr uint16_t kUtf8Names = 1U << 11;
inline constexpr uint16_t kEncrypted = 1U << 0 | 1U << 6 | 1U << 13;
inline constexpr uint16_t kPatched = 1U << 5;

}  // namespace raceway::engine::load::zip
