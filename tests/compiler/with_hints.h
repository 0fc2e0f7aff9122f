#pragma once

#include <cstdint>
#include <string>

namespace raceway::compiler::testing {

/// `text` with hints written behind all its flows and steps that have none, and `defaults`. Equal
/// seeds give equal hints. Lines keep their numbers.
std::string WithHints(const std::string& text, uint32_t seed);

/// Whether results of the flows may depend on time, and so on hints: those with `anyof`, `timeout`
/// and `shed`.
bool DependsOnTime(const std::string& text);

}  // namespace raceway::compiler::testing
