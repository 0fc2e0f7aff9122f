#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/load/extent.h"
#include "engine/result.h"

namespace raceway::engine::load {

/// One read: whole blocks of a file.
struct Chunk {
  int32_t file;
  uint32_t size;       // a multiple of kBlock
  uint64_t offset;     // a multiple of kBlock
  uint32_t num_bytes;  // that the file has of it; less than `size` only at the file's end

  bool operator==(const Chunk&) const = default;
};

/// Blocks next to each other that are all read, by one chunk or several.
struct Run {
  int32_t file;
  uint64_t offset;
  uint64_t size;

  bool operator==(const Run&) const = default;
};

/// The bytes of one storage that one chunk brings.
struct Part {
  int32_t storage;
  int32_t chunk;
  uint64_t offset;  // in the file
  uint32_t size;

  bool operator==(const Part&) const = default;
};

struct BlockPlanOptions {
  uint32_t chunk_bytes = 1 << 20;  // at most, of one read; a multiple of kBlock
  uint32_t gap_bytes = 16 << 10;   // that nobody needs, but are read rather than skipped
};

/// Which blocks to read, and in which order, to have the bytes of some extents.
///
/// Every block is read by one chunk and so once, also a block with bytes of several extents. Were
/// it read for each of them, the second read would overwrite what the first had published and a
/// model may have changed since. Chunks are in the order of first use.
///
/// Threads  immutable
class BlockPlan {
 public:
  /// `extents` in the order of first use; `file_sizes` in bytes, by file.
  /// Errors   InvalidArgument if an extent leaves its file, overlaps another or has no file, or if
  ///          storages are not numbered 0, 1, … with one extent each. O(n log n)
  static Result<BlockPlan> Make(std::span<const Extent> extents,
                                std::span<const uint64_t> file_sizes,
                                BlockPlanOptions options = {});

  std::span<const Chunk> chunks() const { return chunks_; }
  /// By storage.
  std::span<const Extent> extents() const { return extents_; }
  /// By storage, then by place in the file.
  std::span<const Part> parts() const { return parts_; }
  /// Those of a storage, in the order of the file. None if it has no bytes.
  std::span<const Part> PartsOf(int32_t storage) const;
  /// Those of a chunk, as indices into `parts`.
  std::span<const int32_t> PartsIn(int32_t chunk) const;

  /// In the order of the files, as long as can be.
  std::vector<Run> Runs() const;

  /// One line for each chunk: "0: 4096+8192 [storages]"; for tests.
  std::string Text() const;

 private:
  BlockPlan() = default;
  std::vector<int32_t> ChunksByPlace() const;
  void AddParts();

  std::vector<Extent> extents_;
  std::vector<Chunk> chunks_;
  std::vector<Part> parts_;
  std::vector<int32_t> storage_begin_;  // into parts_; one more than there are storages
  std::vector<int32_t> chunk_parts_;    // indices into parts_, by chunk
  std::vector<int32_t> chunk_begin_;    // into chunk_parts_; one more than there are chunks
};

}  // namespace raceway::engine::load
