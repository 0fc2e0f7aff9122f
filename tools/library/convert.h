#pragma once

#include <raceway/result.h>
#include <raceway/schema.h>

#include "engine/data/schema.h"
#include "engine/result.h"

/// What the library is made of ↔ what it offers. Everything in this folder that is not below
/// `include/` is in `raceway::library`, which no program sees.
namespace raceway::library {

Error FromEngine(engine::Error error);
Schema FromEngine(const engine::Schema& schema);

}  // namespace raceway::library
