#pragma once

#include <cstdint>

namespace raceway::engine::load {

/// Whether the page cache has these bytes of a file, all of them.
///
/// Asks cachestat(2) (Linux 6.5, some microseconds for a MiB); where that is not to be had,
/// mincore(2), which says yes to all questions on files that the process may not write. A wrong
/// answer costs time, nothing else.
bool IsCached(int fd, uint64_t offset, uint64_t num_bytes);

/// How many of a file's first `num_bytes` the page cache has, in whole blocks but for the last one.
uint64_t CountCachedBytes(int fd, uint64_t num_bytes);

/// Lets the page cache drop a file, what is not yet on the disk first; `CountCachedBytes` says how
/// far it did. Bytes that somebody has mapped stay, and all of them on file systems that are in
/// memory.
void DropFromCache(int fd);

/// As where there is no cachestat; for tests.
bool IsCachedByMincore(int fd, uint64_t offset, uint64_t num_bytes);

}  // namespace raceway::engine::load
