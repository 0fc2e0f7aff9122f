#pragma once

#include "engine/operator.h"

namespace raceway::operators {

/// Every operator that a plan may name: the list.
void RegisterAll(engine::OperatorFactories& factories);

}  // namespace raceway::operators
