#pragma once

#include <cstdint>

namespace raceway::library {

/// How often this process was forked from one that had called this: 0, or in a child more. Threads
/// do not survive a fork, so what was made at another count has nobody who works for it.
///
/// Cost     a read of memory
/// Threads  any
int64_t ForkCount();

}  // namespace raceway::library
