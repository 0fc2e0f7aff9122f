#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/load/random_file.h"
#include "engine/result.h"

namespace raceway::engine::load {

/// One file in an archive.
struct ZipRecord {
  std::string name;            // "resnet/data/0"
  uint64_t header_offset = 0;  // of its local header in the archive
  uint64_t data_offset = 0;    // of its first byte
  uint64_t packed_size = 0;    // in the archive
  uint64_t size = 0;           // unpacked
  uint32_t crc32 = 0;          // of the unpacked bytes; 0 with bytes: the writer left it out
  bool is_deflated = false;    // else the bytes lie there as they are

  uint64_t end_offset() const { return data_offset + packed_size; }
  std::optional<uint32_t> checksum() const {
    return crc32 == 0 && size > 0 ? std::nullopt : std::optional(crc32);
  }
};

/// What is in a zip archive, and where. Nothing of it is read or unpacked, and nothing is believed:
/// every offset lies in the file, no two records share a byte or a name, what a local header says
/// is what the directory says.
///
/// Limits   2^20 records, 256 MiB of directory; no encryption, no archive in several parts, nothing
///          in front of or behind the archive, methods "stored" and "deflated"
class ZipDirectory {
 public:
  /// Takes time by the number of records: one small read each.
  ///
  /// Errors   InvalidArgument for what is no whole archive, Unsupported for what is beyond the
  ///          limits, Unavailable if it cannot be read; all with file, record and offset
  static Result<ZipDirectory> Read(const RandomFile& file);

  /// In the order of their bytes.
  const std::vector<ZipRecord>& records() const { return records_; }
  /// Null if there is none.
  const ZipRecord* Find(std::string_view name) const;

 private:
  explicit ZipDirectory(std::vector<ZipRecord> records);

  std::vector<ZipRecord> records_;
  std::vector<size_t> by_name_;  // indices of `records_`
};

/// The content of a record that is not deflated, its checksum verified.
///
/// Errors   Unsupported for a deflated record and one of more than `max_bytes`, InvalidArgument for
///          a wrong checksum, Unavailable if it cannot be read
Result<std::string> ReadRecord(const RandomFile& file, const ZipRecord& record, uint64_t max_bytes);

/// The same of any record, deflated or not.
///
/// Errors   as `ReadRecord`; InvalidArgument for what cannot be inflated to the size that is said
Result<std::string> UnpackRecord(const RandomFile& file, const ZipRecord& record,
                                 uint64_t max_bytes);

}  // namespace raceway::engine::load
