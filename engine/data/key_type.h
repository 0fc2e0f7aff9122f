#pragma once

#include "engine/data/type.h"

namespace raceway::engine {

/// Whether rows can be grouped, joined and looked up by a column of that type: an integer, bool,
/// time or text, not optional.
bool CanBeKey(const Type& type);

}  // namespace raceway::engine
