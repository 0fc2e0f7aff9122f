#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "engine/plan/physical_plan.h"
#include "engine/result.h"
#include "engine/schedule/batch_queue.h"

namespace raceway::operators {

/// What `batch { … }` asks of a model; nothing if it does not ask.
///
/// Without `max` or with `adaptive: true` the size is learned, up to `max` or 32 rows.
///
/// Errors   InvalidArgument for values that no compiler writes
engine::Result<std::optional<engine::schedule::BatchLimits>> ReadBatchHints(
    std::span<const engine::HintSpec> hints);

}  // namespace raceway::operators
