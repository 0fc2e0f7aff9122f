#pragma once

#include <cstdint>

namespace raceway::bench {

/// Memory of this process, in bytes.
uint64_t ResidentBytes();
/// Its share of what it has in memory: what others have as well counts in part. Milliseconds where
/// much is mapped.
uint64_t ShareBytes();

/// Has free memory backed: on virtual machines the host takes back what lies idle, and who touches
/// it next waits for the host, ten times as long as for the memory. For some seconds.
void TouchFreeMemory(uint64_t num_bytes);

/// The most that was resident since this was made, in bytes above what was resident then. One at a
/// time: it sets the process's own mark back.
class PeakMemory {
 public:
  PeakMemory();
  uint64_t AboveBaseline() const;

 private:
  uint64_t baseline_;
};

}  // namespace raceway::bench
