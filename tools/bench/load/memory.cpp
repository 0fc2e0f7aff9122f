#include "tools/bench/load/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <fstream>
#include <string>

#include "tools/bench/load/fork.h"

namespace raceway::bench {
namespace {

/// The value of "name: 123 kB" in a file of /proc, in bytes.
uint64_t Field(const std::string& path, const std::string& name) {
  std::ifstream file(path);
  std::string word;
  uint64_t kilobytes = 0;
  while (file >> word) {
    if (word == name && file >> kilobytes) return kilobytes << 10;
  }
  Stop(path + " has no " + name);
}

}  // namespace

uint64_t ResidentBytes() { return Field("/proc/self/status", "VmRSS:"); }
uint64_t ShareBytes() { return Field("/proc/self/smaps_rollup", "Pss:"); }

void TouchFreeMemory(uint64_t num_bytes) {
  void* const memory =
      ::mmap(nullptr, num_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) Stop("no address space to touch");
  ::madvise(memory, num_bytes, MADV_HUGEPAGE);
  auto* const bytes = static_cast<volatile char*>(memory);
  for (uint64_t at = 0; at < num_bytes; at += 4096) bytes[at] = 1;
  ::munmap(memory, num_bytes);
}

PeakMemory::PeakMemory() : baseline_(ResidentBytes()) {
  std::ofstream("/proc/self/clear_refs") << "5";  // VmHWM begins at what is resident now
}

uint64_t PeakMemory::AboveBaseline() const {
  return std::max(Field("/proc/self/status", "VmHWM:"), baseline_) - baseline_;
}

}  // namespace raceway::bench
