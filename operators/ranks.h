#pragma once

#include <cstdint>
#include <vector>

#include "engine/data/column.h"

namespace raceway::operators {

enum class Order { kAscending, kDescending };

/// Whether values of this type have an order: scalar numbers, strings, bytes and bools.
bool HasOrder(const engine::Type& type);

/// For each row a number that comes where its value comes: equal for equal values, smaller for what
/// comes first. NaN comes last either way, -0 equals 0, strings compare by bytes.
std::vector<int64_t> Ranks(const engine::Column& column, engine::DataType type, Order order);

}  // namespace raceway::operators
