#pragma once

#include <cstdint>

#include "engine/result.h"

namespace raceway::engine::load {

/// The memory of this process, in bytes. What several processes share counts wholly in each one's
/// `resident`, and in parts of equal size in their `proportional`, whose sum is what a host gives.
struct MemoryUse {
  int64_t resident = 0;      // RSS
  int64_t proportional = 0;  // PSS
  int64_t own = 0;           // that nobody else has: what the end of the process would free
};

/// Errors   Unavailable where /proc does not say
Result<MemoryUse> OwnMemoryUse();

}  // namespace raceway::engine::load
