#pragma once

#include <ATen/core/ivalue.h>

#include <string>
#include <vector>

#include "engine/result.h"
#include "tools/raceway/load_request.h"

namespace raceway::tools {

/// What a model is called with; the same each time.
///
/// Errors   Unavailable for a file that cannot be read, InvalidArgument for one that is no array
engine::Result<std::vector<c10::IValue>> MakeInputs(const std::vector<ModelInput>& inputs);

/// Whether two answers are the same, bit by bit: tensors, and tuples, lists and dictionaries of
/// them.
bool IsSame(const c10::IValue& a, const c10::IValue& b);

}  // namespace raceway::tools
