#pragma once

#include <cstdint>
#include <string>

#include "engine/data/column.h"
#include "engine/data/type.h"

namespace raceway::engine {

/// A key for people: `"de"`, `7`, `true`, `2026-11-28T21:17:50Z`, `900ms`.
std::string KeyText(const Column& keys, const Type& type, int64_t row);

}  // namespace raceway::engine
