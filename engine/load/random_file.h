#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/result.h"

namespace raceway::engine::load {

/// A file, or a range of one, read at any place. Copies share what is open.
///
/// Threads  any
class RandomFile {
 public:
  /// Errors   Unavailable with the reason: missing, a folder, not readable
  static Result<RandomFile> Open(const std::filesystem::path& path);
  /// What is open already, whatever has that name by now.
  ///
  /// Errors   Unavailable if it cannot be opened once more
  static Result<RandomFile> Of(int descriptor, const std::filesystem::path& path);

  const std::string& name() const { return name_; }  // for messages
  uint64_t size() const { return size_; }
  uint64_t begin() const { return begin_; }  // where the range begins in the file on disk

  /// The bytes [offset, offset + size).
  ///
  /// Errors   InvalidArgument if they lie past the end or the file has become shorter, Unavailable
  ///          if the disk does not give them
  Result<std::string> Read(uint64_t offset, uint64_t size) const;
  Status Read(uint64_t offset, char* bytes, uint64_t size) const;

  /// Asks the system to have some bytes at hand soon; returns at once.
  void WillNeed(uint64_t offset, uint64_t size) const;

  /// A range of this, called `name`, which must lie in it.
  RandomFile Part(uint64_t offset, uint64_t size, const std::string& name) const;

  /// An error of this file: "`resnet.pt`, record `data/3`, byte 1024: what".
  Error Wrong(ErrorCode code, const std::string& what, std::string_view record = {},
              std::optional<uint64_t> offset = std::nullopt) const;

 private:
  class Descriptor;

  static Result<RandomFile> Taking(int number, const std::filesystem::path& path);
  RandomFile(std::shared_ptr<const Descriptor> descriptor, std::string name, uint64_t begin,
             uint64_t size);

  std::shared_ptr<const Descriptor> descriptor_;
  std::string name_;
  uint64_t begin_;
  uint64_t size_;
};

/// How those who read about files in a file open them.
using FileOpener = std::function<Result<RandomFile>(const std::filesystem::path&)>;

}  // namespace raceway::engine::load
