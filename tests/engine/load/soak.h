#pragma once

#include <cstdint>
#include <functional>

#include "engine/load/read_scheduler.h"

namespace raceway::engine::load::testing {

/// Many lives of a model, one after another: they leave as many descriptors, threads and mappings
/// as the first ones, and no more memory than `most_grown` bytes. 200 lives, or what
/// RACEWAY_SOAK_LOADS says.
void ExpectLivesAreAlike(const std::function<void(ReadScheduler& scheduler, int life)>& one_life,
                         int64_t most_grown);

}  // namespace raceway::engine::load::testing
