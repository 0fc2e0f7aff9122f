#include "tests/fuzz/coverage.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <iterator>

namespace raceway::fuzz {
namespace {

constexpr size_t kNumSteps = size_t{1} << 16;

// Plain arrays: the functions of std::array would be counted, and count themselves for ever.
uint8_t now[kNumSteps];  // how often the present input took this step, at most 255
uint8_t all[kNumSteps];  // bit k: some input took it 2^k to 2^(k+1) - 1 times
size_t num_reached = 0;
uintptr_t before = 0;

}  // namespace

void ForgetReached() {
  std::fill(std::begin(now), std::end(now), uint8_t{0});
  before = 0;
}

size_t CountNewlyReached() {
  size_t count = 0;
  for (size_t i = 0; i < kNumSteps; ++i) {
    if (now[i] == 0) continue;
    const auto bit = static_cast<uint8_t>(std::bit_floor(now[i]));
    if ((all[i] & bit) != 0) continue;
    if (all[i] == 0) ++num_reached;
    all[i] |= bit;
    ++count;
  }
  return count;
}

size_t CountReached() { return num_reached; }

// What counts is not counted itself. (clang, which only lints this, does not know the attribute.)
#ifdef __clang__
#define RACEWAY_NOT_COUNTED
#else
#define RACEWAY_NOT_COUNTED \
  __attribute__((no_sanitize_coverage, no_sanitize("address", "undefined")))
#endif

// Called at the begin of each basic block. A step is a pair of blocks: where it came from matters.
RACEWAY_NOT_COUNTED void ReachedFrom(uintptr_t place) {
  const uintptr_t mixed = place * 0x9E3779B97F4A7C15ULL >> 32;
  uint8_t& count = now[(mixed ^ before) % kNumSteps];
  if (count != 255) ++count;
  before = mixed >> 1;
}

}  // namespace raceway::fuzz

extern "C" RACEWAY_NOT_COUNTED void __sanitizer_cov_trace_pc() {  // NOLINT
  raceway::fuzz::ReachedFrom(reinterpret_cast<uintptr_t>(__builtin_return_address(0)));
}
