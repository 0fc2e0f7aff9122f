#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "engine/result.h"

namespace raceway::engine::load {

inline constexpr uint64_t kHugePage = 2 << 20;
inline constexpr uint64_t kBlock = 4096;  // pages of memory, and the grid that files are read on

constexpr uint64_t RoundDown(uint64_t bytes, uint64_t unit = kBlock) { return bytes / unit * unit; }
constexpr uint64_t RoundUp(uint64_t bytes, uint64_t unit = kBlock) {
  return RoundDown(bytes + unit - 1, unit);
}

/// Maps the pages of mapped memory before anybody touches them, from their file where need be.
/// False with errno where that cannot be.
bool FetchPages(std::byte* memory, uint64_t num_bytes);

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
  /// As `Reserve`, of memory that can be mapped a second time, by `fd`. In small pages, unless the
  /// system gives huge ones to shared memory.
  static Result<std::shared_ptr<Arena>> ReserveMappable(uint64_t file_size);
  ~Arena();
  Arena(const Arena&) = delete;

  std::byte* data() { return data_; }
  uint64_t size() const { return size_; }  // a multiple of kBlock

  /// Where reads write: the same memory as `data()`. Another address when guarded or mapped.
  std::byte* target() { return target_; }

  /// It is a mapped file that the loader does not write into: what would be read is there already.
  bool is_filled() const { return kind_.is_filled; }
  /// Of a mapped file: a copy of these bytes, which begin on a huge page, takes their place at the
  /// same addresses, so that the file may change. Who reads does not notice; what is written
  /// meanwhile may be lost. False, and nothing has happened, where there is not that much memory.
  bool CopyFromFile(uint64_t offset, uint64_t num_bytes);

  /// Of the memory, byte `i` at `i`; -1 where it is not mappable.
  int fd() const { return fd_; }

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
  struct Kind {
    bool is_guarded = false;
    bool is_filled = false;
  };

  Arena(std::byte* data, std::byte* target, uint64_t size, Kind kind, int fd = -1)
      : data_(data), target_(target), size_(size), kind_(kind), fd_(fd) {}
  bool is_guarded() const { return kind_.is_guarded; }

  std::byte* const data_;
  std::byte* const target_;
  const uint64_t size_;
  const Kind kind_;
  const int fd_;
};

}  // namespace raceway::engine::load
