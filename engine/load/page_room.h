#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/load/extent.h"
#include "engine/result.h"

namespace raceway::engine::load {

/// Addresses for the storages of a load, each on pages of its own, though it shares blocks of its
/// file with its neighbours. They stay as long as this does, be there memory behind them or not: so
/// code can be told once where its weights are, and find them there each time they are read.
///
/// Threads  different storages from any; nobody reads while `Clear` runs
class PageRoom {
 public:
  /// The pages of one storage.
  struct Place {
    std::byte* begin = nullptr;  // of its bytes
    std::byte* pages = nullptr;  // null: it has no bytes
    uint64_t size = 0;           // of the pages
    uint64_t offset = 0;         // of the pages, in the file and in the arena that mirrors it
  };

  /// Takes no memory. Who reads what is not mapped faults.
  ///
  /// Errors   Unavailable without so much address space
  static Result<std::shared_ptr<PageRoom>> Reserve(std::span<const Extent> extents);
  ~PageRoom();
  PageRoom(const PageRoom&) = delete;

  const Place& place(int32_t storage) const { return places_[static_cast<size_t>(storage)]; }

  /// The pages of a storage from memory that mirrors its file.
  ///
  /// Errors   Unavailable
  Status Map(int32_t storage, int fd);
  /// Nothing is mapped any more.
  void Clear();

 private:
  PageRoom(std::byte* data, uint64_t size, std::vector<Place> places)
      : data_(data), size_(size), places_(std::move(places)) {}

  std::byte* const data_;
  const uint64_t size_;
  const std::vector<Place> places_;  // by storage
};

}  // namespace raceway::engine::load
