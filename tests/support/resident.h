#pragma once

#include <unistd.h>

#include <cstdint>
#include <fstream>

namespace raceway::tests {

/// Memory of this process that is in use, in bytes.
inline int64_t ResidentBytes() {
  int64_t pages = 0;
  int64_t resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

/// Sanitizers keep what is freed for a while, to find out who uses it; they look for leaks
/// themselves.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kFreedIsGone = false;
#else
inline constexpr bool kFreedIsGone = true;
#endif

}  // namespace raceway::tests
