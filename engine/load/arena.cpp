#include "engine/load/arena.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

namespace raceway::engine::load {
namespace {

std::byte* MapMemory(uint64_t size, int protection, int flags, int fd) {
  void* memory = mmap(nullptr, size, protection, flags | MAP_NORESERVE, fd, 0);
  return memory == MAP_FAILED ? nullptr : static_cast<std::byte*>(memory);
}

/// Private memory that begins on a huge page.
std::byte* MapAligned(uint64_t size) {
  std::byte* memory =
      MapMemory(size + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  if (memory == nullptr) return nullptr;
  const uint64_t before = -reinterpret_cast<uintptr_t>(memory) % kHugePage;
  if (before > 0) munmap(memory, before);
  munmap(memory + before + size, kHugePage - before);
  return memory + before;
}

/// Shared memory that can be mapped; -1 if there is none.
int OpenMemory(uint64_t size) {
  const int fd = memfd_create("raceway-arena", MFD_CLOEXEC);
  if (fd < 0 || ftruncate(fd, static_cast<off_t>(size)) == 0) return fd;
  close(fd);
  return -1;
}

Error NoRoom(uint64_t size) {
  return Error{ErrorCode::kUnavailable, "no address space for " + std::to_string(size) +
                                            " bytes of weights: " + std::strerror(errno)};
}

}  // namespace

bool FetchPages(std::byte* memory, uint64_t num_bytes) {
  return madvise(memory, num_bytes, MADV_POPULATE_READ) == 0;
}

Result<std::shared_ptr<Arena>> Arena::Reserve(uint64_t file_size, bool guarded) {
  const uint64_t size = std::max(RoundUp(file_size), kBlock);
  if (!guarded) {
    std::byte* data = MapAligned(size);
    if (data == nullptr) return NoRoom(size);
    return std::shared_ptr<Arena>(new Arena(data, data, size, {}));
  }
  const int fd = OpenMemory(size);
  std::byte* data = nullptr;
  std::byte* target = nullptr;
  if (fd >= 0) {
    data = MapMemory(size, PROT_NONE, MAP_SHARED, fd);
    target = MapMemory(size, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
  }
  if (fd >= 0) close(fd);
  if (data == nullptr || target == nullptr) {
    if (data != nullptr) munmap(data, size);
    if (target != nullptr) munmap(target, size);
    return NoRoom(size);
  }
  std::memset(target, 0xff, size);  // NaNs, whatever the floating-point type
  return std::shared_ptr<Arena>(new Arena(data, target, size, {.is_guarded = true}));
}

Result<std::shared_ptr<Arena>> Arena::Map(int fd, uint64_t file_size, bool writes) {
  const uint64_t size = std::max(RoundUp(file_size), kBlock);
  std::byte* data = MapAligned(size);
  if (data == nullptr) return NoRoom(size);
  constexpr int kProtection = PROT_READ | PROT_WRITE;
  const bool is_mapped =
      mmap(data, size, kProtection, MAP_PRIVATE | MAP_NORESERVE | MAP_FIXED, fd, 0) != MAP_FAILED;
  std::byte* target = nullptr;
  if (is_mapped) target = writes ? MapMemory(size, kProtection, MAP_SHARED, fd) : data;
  if (target != nullptr) {
    return std::shared_ptr<Arena>(new Arena(data, target, size, {.is_filled = !writes}));
  }
  munmap(data, size);
  return NoRoom(size);
}

Result<std::shared_ptr<Arena>> Arena::ReserveMappable(uint64_t file_size) {
  const uint64_t size = std::max(RoundUp(file_size), kBlock);
  const int fd = OpenMemory(size);
  std::byte* data = fd < 0 ? nullptr : MapMemory(size, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
  if (data != nullptr) return std::shared_ptr<Arena>(new Arena(data, data, size, {}, fd));
  Error error = NoRoom(size);
  if (fd >= 0) close(fd);
  return error;
}

Arena::~Arena() {
  if (fd_ >= 0) close(fd_);
  munmap(data_, size_);
  if (target_ != data_) munmap(target_, size_);
}

void Arena::UseHugePages(uint64_t offset, uint64_t num_bytes) {
  const uint64_t begin = RoundUp(offset, kHugePage);
  const uint64_t end = RoundDown(offset + num_bytes, kHugePage);
  if (begin < end && target_ == data_) madvise(data_ + begin, end - begin, MADV_HUGEPAGE);
}

void Arena::Publish(uint64_t offset, uint64_t num_bytes) {
  if (!is_guarded() || num_bytes == 0) return;
  const uint64_t begin = RoundDown(offset);
  mprotect(data_ + begin, RoundUp(offset + num_bytes) - begin, PROT_READ | PROT_WRITE);
}

void Arena::EndWriting() {
  if (target_ != data_ && !is_guarded()) madvise(target_, size_, MADV_DONTNEED);
}

void Arena::Release(uint64_t offset, uint64_t num_bytes) {
  const uint64_t begin = RoundUp(offset);
  const uint64_t end = RoundDown(offset + num_bytes);
  if (begin >= end) return;
  if (is_guarded()) {
    mprotect(data_ + begin, end - begin, PROT_NONE);
    madvise(target_ + begin, end - begin, MADV_REMOVE);
  } else {
    madvise(data_ + begin, end - begin, fd_ < 0 ? MADV_DONTNEED : MADV_REMOVE);
  }
}

// Copies of single pages, as who writes gets them, would go when the file is truncated.
bool Arena::CopyFromFile(uint64_t offset, uint64_t num_bytes) {
  const uint64_t size = RoundUp(num_bytes);
  std::byte* copy = MapAligned(size);
  if (copy == nullptr) return false;
  madvise(copy, size, MADV_HUGEPAGE);
  if (madvise(copy, size, MADV_POPULATE_WRITE) == 0) {
    std::memcpy(copy, data_ + offset, size);
    void* const moved = mremap(copy, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, data_ + offset);
    if (moved != MAP_FAILED) return true;
  }
  munmap(copy, size);
  return false;
}

uint64_t Arena::CountResident() const {
  std::vector<unsigned char> pages(size_ / kBlock);
  if (mincore(target_, size_, pages.data()) != 0) return 0;
  return kBlock * static_cast<uint64_t>(std::count_if(pages.begin(), pages.end(),
                                                      [](unsigned char page) { return page & 1; }));
}

}  // namespace raceway::engine::load
