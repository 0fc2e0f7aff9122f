#include "engine/load/page_room.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "engine/load/arena.h"

namespace raceway::engine::load {
namespace {

Error Refused(const char* what) {
  return Error{ErrorCode::kUnavailable, std::string(what) + ": " + std::strerror(errno)};
}

/// `data` null: anywhere.
void* MapNothing(std::byte* data, uint64_t size) {
  const int fixed = data != nullptr ? MAP_FIXED : 0;
  return mmap(data, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | fixed, -1, 0);
}

}  // namespace

Result<std::shared_ptr<PageRoom>> PageRoom::Reserve(std::span<const Extent> extents) {
  std::vector<Place> places(extents.size());
  uint64_t size = 0;
  for (const Extent& extent : extents) {
    if (extent.size == 0) continue;
    Place& place = places[static_cast<size_t>(extent.storage)];
    place.offset = RoundDown(extent.offset);
    place.size = RoundUp(extent.offset + extent.size) - place.offset;
    size += place.size;
  }
  size = std::max(size, kBlock);
  void* const data = MapNothing(nullptr, size);
  if (data == MAP_FAILED) return Refused("no address space for weights");
  auto* next = static_cast<std::byte*>(data);
  for (const Extent& extent : extents) {
    if (extent.size == 0) continue;
    Place& place = places[static_cast<size_t>(extent.storage)];
    place.pages = next;
    place.begin = next + (extent.offset - place.offset);
    next += place.size;
  }
  return std::shared_ptr<PageRoom>(
      new PageRoom(static_cast<std::byte*>(data), size, std::move(places)));
}

PageRoom::~PageRoom() { munmap(data_, size_); }

Status PageRoom::Map(int32_t storage, int fd) {
  const Place& to = place(storage);
  if (to.pages == nullptr) return Done{};
  // Operators may ask for pointers to write.
  const void* pages =
      mmap(to.pages, to.size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE | MAP_FIXED, fd,
           static_cast<off_t>(to.offset));
  if (pages == MAP_FAILED) return Refused("no mapping for a storage");
  return Done{};
}

void PageRoom::Clear() { MapNothing(data_, size_); }

}  // namespace raceway::engine::load
