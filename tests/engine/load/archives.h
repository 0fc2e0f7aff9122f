#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "engine/load/archive.h"
#include "engine/load/weight_map.h"
#include "engine/load/zip_format.h"
#include "tests/engine/load/stored_zip.h"

/// What the tests of sources have in common: files with given bytes, archives made by hand, and
/// those that PyTorch makes.
namespace raceway::engine::load::testing {

/// A file in memory.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view bytes);
  ~MemoryFile();
  MemoryFile(const MemoryFile&) = delete;
  std::filesystem::path path() const;

 private:
  int descriptor_;
};

/// A folder that is gone with this.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

std::string BytesOf(const std::filesystem::path& path);
void WriteBytes(const std::filesystem::path& path, std::string_view bytes);

/// An archive of PyTorch's, with a record of nothing in front that takes up `num_bytes`, as a hole.
void WriteBehindHole(const std::filesystem::path& path, const std::filesystem::path& archive,
                     uint64_t num_bytes);

/// The records of an archive that are not deflated.
std::vector<Member> MembersOf(const std::filesystem::path& archive);

/// Where the directory has, and where the archive has, the header of a record.
size_t DirectoryHeaderAt(const std::string& zip, std::string_view name);
size_t LocalHeaderAt(const std::string& zip, std::string_view name);

/// `bytes` with a number at `offset`.
template <typename Number>
std::string With(std::string bytes, size_t offset, Number number) {
  bytes.replace(offset, sizeof number, reinterpret_cast<const char*>(&number), sizeof number);
  return bytes;
}

/// The number at `offset`.
template <typename Number>
Number NumberAt(std::string_view bytes, size_t offset) {
  Number number;
  std::memcpy(&number, bytes.substr(offset, sizeof number).data(), sizeof number);
  return number;
}

/// The file of that name that `make_archives.py` writes; made once for each version of it.
std::filesystem::path Archived(std::string_view name);
/// The same, of the packages that take longer.
std::filesystem::path Packaged(std::string_view name);

/// Storages, then tensors, a line each.
std::string Show(const WeightMap& map);
/// The same, or the error without the name of the file.
std::string Show(const Result<WeightMap>& map);

/// What is wrong with `bytes` as an archive, without the name of the file; empty if nothing is.
std::string ErrorOfZip(const std::string& bytes);

}  // namespace raceway::engine::load::testing
