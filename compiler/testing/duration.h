#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace raceway::compiler {

/// Nanoseconds of `900ms`; nothing for a quantity that is no length of time, or too long.
std::optional<int64_t> DurationOf(const std::string& quantity);

}  // namespace raceway::compiler
