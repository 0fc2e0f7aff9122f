#pragma once

#include "operators/functions/function.h"

namespace raceway::operators {

/// The centre, with torchvision's rounding.
engine::Result<std::unique_ptr<NativeFunction>> MakeCrop(const FunctionSpec& spec);

}  // namespace raceway::operators
