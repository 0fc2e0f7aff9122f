#pragma once

#include <cstdint>

namespace raceway::operators {

/// In Hz; the best converters there are take 768 000 samples a second.
inline constexpr int64_t kMaxSampleRate = 768'000;

/// Of one row; more than four hours at 16 kHz, 1 GiB of f32.
inline constexpr int64_t kMaxSamples = int64_t{1} << 28;

}  // namespace raceway::operators
