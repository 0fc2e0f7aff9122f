#pragma once

#include <cstdint>

namespace raceway::engine::load {

/// Whether the page cache has these bytes of a file, all of them.
///
/// Asks cachestat(2) (Linux 6.5, some microseconds for a MiB); where that is not to be had,
/// mincore(2), which says yes to all questions on files that the process may not write. A wrong
/// answer costs time, nothing else.
bool IsCached(int fd, uint64_t offset, uint64_t num_bytes);

/// As where there is no cachestat; for tests.
bool IsCachedByMincore(int fd, uint64_t offset, uint64_t num_bytes);

}  // namespace raceway::engine::load
