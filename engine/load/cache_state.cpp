#include "engine/load/cache_state.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "engine/load/arena.h"

namespace raceway::engine::load {
namespace {

constexpr long kCachestat = 451;  // the same on all architectures; glibc 2.36 does not know it

struct CachestatRange {
  uint64_t offset;
  uint64_t num_bytes;
};

struct Cachestat {
  uint64_t cached;
  uint64_t dirty;
  uint64_t writeback;
  uint64_t evicted;
  uint64_t recently_evicted;
};

/// None where the kernel does not say.
std::optional<uint64_t> CountCachedPages(int fd, uint64_t offset, uint64_t num_bytes) {
  CachestatRange range = {offset, num_bytes};
  Cachestat result = {};
  if (syscall(kCachestat, fd, &range, &result, 0) != 0) return std::nullopt;
  return result.cached;
}

/// Whole pages; none where mincore does not say either.
uint64_t CountByMincore(int fd, uint64_t begin, uint64_t size) {
  void* mapped = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, static_cast<off_t>(begin));
  if (mapped == MAP_FAILED) return 0;
  std::vector<unsigned char> pages(size / kBlock);
  const bool is_known = mincore(mapped, size, pages.data()) == 0;
  munmap(mapped, size);
  if (!is_known) return 0;
  return static_cast<uint64_t>(std::count_if(pages.begin(), pages.end(),
                                             [](unsigned char page) { return (page & 1) != 0; }));
}

}  // namespace

bool IsCachedByMincore(int fd, uint64_t offset, uint64_t num_bytes) {
  const uint64_t begin = RoundDown(offset);
  const uint64_t size = RoundUp(offset + num_bytes) - begin;
  return num_bytes == 0 || CountByMincore(fd, begin, size) * kBlock == size;
}

bool IsCached(int fd, uint64_t offset, uint64_t num_bytes) {
  if (num_bytes == 0) return true;
  const uint64_t pages = (RoundUp(offset + num_bytes) - RoundDown(offset)) / kBlock;
  if (const std::optional<uint64_t> cached = CountCachedPages(fd, offset, num_bytes)) {
    return *cached >= pages;
  }
  return IsCachedByMincore(fd, offset, num_bytes);
}

uint64_t CountCachedBytes(int fd, uint64_t num_bytes) {
  if (num_bytes == 0) return 0;
  const std::optional<uint64_t> pages = CountCachedPages(fd, 0, num_bytes);
  const uint64_t counted = pages ? *pages : CountByMincore(fd, 0, RoundUp(num_bytes));
  return std::min(counted * kBlock, num_bytes);
}

void DropFromCache(int fd) {
  fsync(fd);  // what is dirty stays
  posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}

}  // namespace raceway::engine::load
