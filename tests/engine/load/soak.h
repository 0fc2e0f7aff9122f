#pragma once

#include <cstdlib>

namespace raceway::engine::load::testing {

/// How many loads a soak makes: 200, or what RACEWAY_SOAK_LOADS says.
inline int NumSoakLoads() {
  const char* const loads = std::getenv("RACEWAY_SOAK_LOADS");
  return loads == nullptr ? 200 : std::atoi(loads);
}

}  // namespace raceway::engine::load::testing
