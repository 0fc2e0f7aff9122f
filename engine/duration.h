#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace raceway::engine {

/// "900ms", "1.5s": a number and one of ns, us, ms, s, min and h, exact to the nanosecond, up to
/// 292 years; else nothing.
std::optional<std::chrono::nanoseconds> DurationFromText(std::string_view text);

/// In the largest unit that needs no fraction: "900ms", "90s". `DurationFromText` reads it back,
/// where it is not below 0.
std::string ToString(std::chrono::nanoseconds duration);

}  // namespace raceway::engine
