#pragma once

#include <memory>

#include "engine/call_slots.h"
#include "operators/models/loaded_model.h"

namespace raceway::operators {

/// Those that all who say `instances: count` of this model share.
///
/// Threads  any
std::shared_ptr<engine::CallSlots> ShareCallSlots(const LoadedModel& model, int count);

}  // namespace raceway::operators
