#pragma once

#include "engine/data/batch.h"
#include "engine/result.h"

namespace raceway::operators {

/// Turns a row of `batch`'s columns into the row of the request it stems from.
engine::Error WithRowId(engine::Error error, const engine::Batch& batch);

/// The error of a request that should stop.
engine::Error StopError(engine::ErrorCode code);

}  // namespace raceway::operators
