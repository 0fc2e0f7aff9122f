#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "engine/result.h"

namespace raceway::engine::load {

inline constexpr uint64_t kBlock = 4096;  // pages of memory, and the grid that files are read on

constexpr uint64_t RoundDown(uint64_t bytes, uint64_t unit = kBlock) { return bytes / unit * unit; }
constexpr uint64_t RoundUp(uint64_t bytes, uint64_t unit = kBlock) {
  return RoundDown(bytes + unit - 1, unit);
}

/// Memory that mirrors a file: byte `i` of the file has the address `data() + i`, and `data()` lies
/// on a huge page, so that whole blocks are read past the page cache straight to where they stay.
///
/// It is address space only, no memory, until something is written. Whoever uses the memory holds
/// the arena: tensors, reads in flight.
///
/// Threads  all functions, from any, for different pages
class Arena {
 public:
  /// Room for a file of that size, the last block whole. `guarded` is for tests: what is not yet
  /// published faults when it is read, and is full of NaNs where it shares a page with what is.
  /// Errors   Unavailable if there is not that much address space
  static Result<std::shared_ptr<Arena>> Reserve(uint64_t file_size, bool guarded = false);
  /// The memory of an open file, which others may have mapped. Who writes into `data` gets a copy
  /// of the page; the loader writes into the file, if it `writes` at all.
  static Result<std::shared_ptr<Arena>> Map(int fd, uint64_t file_size, bool writes);
  ~Arena();
  Arena(const Arena&) = delete;

  std::byte* data() { return data_; }
  uint64_t size() const { return size_; }  // a multiple of kBlock

  /// Where reads write: the same memory as `data()`. Another address when guarded or mapped.
  std::byte* target() { return target_; }

  /// All of these bytes will be read: lets the kernel use huge pages where these fit in wholly,
  /// which saves most of the cost of touching memory for the first time.
  void UseHugePages(uint64_t offset, uint64_t num_bytes);

  /// From now on these bytes are for everybody. Only says so where the arena is guarded.
  void Publish(uint64_t offset, uint64_t num_bytes);

  /// Nothing is read any more: the mapping that a mapped arena's reads wrote into takes no memory
  /// from now on. The bytes stay.
  void EndWriting();

  /// Gives back the pages that lie wholly within these bytes. Their contents are gone: whoever
  /// needs them reads them again.
  void Release(uint64_t offset, uint64_t num_bytes);

  /// The memory that is in use, in bytes; for tests and reports. O(pages).
  uint64_t CountResident() const;

 private:
  Arena(std::byte* data, std::byte* target, uint64_t size, bool is_guarded)
      : data_(data), target_(target), size_(size), is_guarded_(is_guarded) {}
  bool is_guarded() const { return is_guarded_; }

  std::byte* const data_;
  std::byte* const target_;
  const uint64_t size_;
  const bool is_guarded_;
};

}  // namespace raceway::engine::load
