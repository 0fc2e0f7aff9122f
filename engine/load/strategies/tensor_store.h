#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/load/extent.h"
#include "engine/load/model_file.h"
#include "engine/result.h"

namespace raceway::engine::load {

/// Bytes in shared memory. What is written there stays in this process.
struct SharedBytes {
  std::byte* data;
  std::shared_ptr<const void> owner;  // keeps them where they are
};

/// Tensors that the processes of a host have in common, in files of shared memory.
///
/// Where a model's file has been loaded before, its tensors are found without reading it. For
/// others, size and CRC-32 say which tensors may be the same, and their bytes whether they are. A
/// file that has changed (size, time) is another file.
///
/// What one load adds is a segment. A segment that no process uses may go, the one that was used
/// longest ago first.
///
/// Threads  all functions, from any, in any process
/// Source   Tetris (ATC'22): tensors of instances shared by mapping
class TensorStore {
 public:
  /// `folder` in memory, made if need be; `capacity` in bytes, of all segments. In a folder of
  /// another user nothing is found, and nothing published.
  TensorStore(std::filesystem::path folder, uint64_t capacity);
  TensorStore(const TensorStore&) = delete;

  /// The tensors of a file that are known to be here; by extent, nothing for the others.
  std::vector<std::optional<SharedBytes>> Find(const ModelFile& file,
                                               std::span<const Extent> extents) const;

  /// Adds what is not here, and remembers which tensors the file has. `bytes` by extent, null for
  /// those that `Find` had. Returns all that are here now: to be used in place of `bytes`.
  ///
  /// Errors   Unavailable if there is no room
  Result<std::vector<std::optional<SharedBytes>>> Publish(const ModelFile& file,
                                                          std::span<const Extent> extents,
                                                          std::span<const std::byte* const> bytes);

  /// Removes the segments that nobody uses.
  void RemoveIdle();
  /// Of all segments.
  uint64_t CountBytes() const;

 private:
  struct Place;  // of a tensor: segment and offset
  struct Known;
  class Segment;
  class Lock;
  using Index = std::vector<Known>;

  std::filesystem::path IndexOf(const ModelFile& file) const;
  Index ReadIndex(const std::filesystem::path& path) const;
  Index ReadAll() const;
  void WriteIndex(const ModelFile& file, const Index& index) const;
  std::shared_ptr<const Segment> Open(const std::string& name) const;
  Result<std::shared_ptr<const Segment>> Add(
      std::span<const std::span<const std::byte>> tensors) const;
  Status MakeRoom(uint64_t num_bytes) const;
  bool RemoveIfIdle(const std::filesystem::path& segment) const;
  void RemoveStaleIndices() const;

  const std::filesystem::path folder_;
  const uint64_t capacity_;
  const bool is_ours_;
};

}  // namespace raceway::engine::load
