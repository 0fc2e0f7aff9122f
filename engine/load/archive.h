#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "engine/load/extent.h"
#include "engine/load/random_file.h"
#include "engine/load/zip_directory.h"
#include "engine/result.h"

namespace raceway::engine::load {

/// A zip archive as PyTorch writes it: all of its records lie in one folder, whose name says
/// nothing. Names of records are those below it: "data/0" for "resnet/data/0".
class Archive {
 public:
  /// Errors   as `ZipDirectory::Read`; InvalidArgument where records lie in several folders
  static Result<Archive> Open(const std::filesystem::path& path);
  static Result<Archive> Open(RandomFile file);

  const RandomFile& file() const { return file_; }
  const std::string& folder() const { return folder_; }  // "resnet/"
  const std::vector<ZipRecord>& records() const { return directory_.records(); }
  std::string_view NameOf(const ZipRecord& record) const {
    return std::string_view(record.name).substr(folder_.size());
  }
  /// Null if there is none.
  const ZipRecord* Find(std::string_view name) const {
    return directory_.Find(folder_ + std::string(name));
  }

  /// The content of a record.
  ///
  /// Errors   as `ReadRecord`; InvalidArgument if there is none
  Result<std::string> Read(std::string_view name, uint64_t max_bytes) const;

  /// The same of a record that may be deflated.
  ///
  /// Errors   as `UnpackRecord`; InvalidArgument if there is none
  Result<std::string> Unpack(std::string_view name, uint64_t max_bytes) const;

  /// Where the bytes of a record are in the file on disk.
  Extent ExtentOf(const ZipRecord& record, size_t storage, int32_t file) const;

 private:
  Archive(RandomFile file, ZipDirectory directory, std::string folder)
      : file_(std::move(file)), directory_(std::move(directory)), folder_(std::move(folder)) {}

  RandomFile file_;
  ZipDirectory directory_;
  std::string folder_;
};

}  // namespace raceway::engine::load
