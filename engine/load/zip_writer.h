#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/cancel.h"
#include "engine/load/random_file.h"
#include "engine/load/zip_directory.h"
#include "engine/result.h"

namespace raceway::engine::load {

/// Writes a zip archive whose records begin where they should: at multiples of what the caller
/// says, by a padding in their headers, as PyTorch pads them. The archive is gathered in a file
/// beside it, `NAME.partPID`, which takes its place in `Finish`; without that nothing is left.
///
/// Errors   Unavailable with the reason if it cannot be written: a full disk, no permission
/// Threads  for one thread
class ZipWriter {
 public:
  /// What a link points to is written, not the link. A file that is there keeps its mode.
  static Result<std::unique_ptr<ZipWriter>> Create(const std::filesystem::path& path);
  ~ZipWriter();
  ZipWriter(const ZipWriter&) = delete;

  /// Copies a record of `file` as it is, deflated or not, piece by piece.
  ///
  /// Errors   InvalidArgument if its bytes do not have its checksum, Cancelled
  Status Copy(const RandomFile& file, const ZipRecord& record, uint64_t alignment,
              const CancelToken& cancel);

  /// Adds a record of `bytes`.
  Status Add(const std::string& name, std::string_view bytes, uint64_t alignment);

  /// Writes the directory, sees to it that all is on the disk, and puts the file into its place.
  /// Gives its size.
  Result<uint64_t> Finish();

 private:
  ZipWriter(std::filesystem::path path, std::filesystem::path part, int descriptor);

  ZipRecord Place(const ZipRecord& record, uint64_t alignment) const;
  Status WriteHeader(const ZipRecord& record);
  Status Write(uint64_t offset, std::string_view bytes);
  Error Unwritable() const;

  std::filesystem::path path_;
  std::filesystem::path part_;  // empty: it has taken its place
  int descriptor_;
  uint64_t end_ = 0;
  std::vector<ZipRecord> records_;
};

}  // namespace raceway::engine::load
