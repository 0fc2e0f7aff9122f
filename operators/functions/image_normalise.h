#pragma once

#include "operators/functions/function.h"

namespace raceway::operators {

/// (x / 255 - mean) / std, channels first.
engine::Result<std::unique_ptr<NativeFunction>> MakeNormalise(const FunctionSpec& spec);

}  // namespace raceway::operators
