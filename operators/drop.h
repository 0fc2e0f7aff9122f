#pragma once

#include "engine/operator.h"

namespace raceway::operators {

/// Lets no row go on, whatever the columns of its output are.
engine::Result<engine::AnyOperator> MakeDrop(const engine::OperatorSpec& spec);

}  // namespace raceway::operators
