#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "engine/load/extent.h"
#include "engine/load/load_job.h"
#include "engine/load/model_file.h"

namespace raceway::engine::load::testing {

/// A file of random bytes in a temporary folder; gone at the end.
class RandomFile {
 public:
  explicit RandomFile(uint64_t size, uint64_t seed = 1);
  ~RandomFile();
  RandomFile(const RandomFile&) = delete;

  const std::string& path() const { return path_; }
  std::span<const std::byte> bytes() const { return bytes_; }  // as written at first
  std::span<const std::byte> bytes(const Extent& extent) const {
    return bytes().subspan(extent.offset, extent.size);
  }

  /// Writes into the file, where it is.
  void Overwrite(uint64_t offset, std::span<const std::byte> bytes) const;
  void FlipByte(uint64_t offset) const;
  /// Out of the page cache with it. False where that cannot be.
  bool Evict() const;
  /// Into it.
  void Cache(uint64_t offset, uint64_t num_bytes) const;
  std::shared_ptr<ModelFile> Open(bool allow_direct = true) const;

 private:
  std::string path_;
  std::vector<std::byte> bytes_;
};

/// Extents of random sizes, most of them next to each other and some empty, in random order of use,
/// with their checksums.
std::vector<Extent> RandomExtents(const RandomFile& file, int32_t count, std::mt19937_64& random);

/// Equal extents that fill a file, in its order, with their checksums.
std::vector<Extent> EqualExtents(const RandomFile& file, uint64_t size);

std::span<const std::byte> Loaded(const LoadJob& job, int32_t storage);
bool IsAsWritten(const LoadJob& job, const RandomFile& file, const Extent& extent);

/// Another byte than there was, whatever there was.
void FlipBit(const std::filesystem::path& path, uint64_t offset);

/// Whether a read of this byte would not fault.
bool IsReadable(const std::byte* byte);

/// The number of this process's open files, threads, …: entries of a folder below /proc/self.
int64_t CountInProc(const char* folder);

/// Whether a thread of this process, by its number, waits for something.
bool IsAsleep(pid_t thread);

/// Asks every millisecond, for ten seconds at most.
bool Eventually(const std::function<bool()>& condition);

}  // namespace raceway::engine::load::testing
