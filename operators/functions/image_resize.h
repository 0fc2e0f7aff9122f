#pragma once

#include "operators/functions/function.h"

namespace raceway::operators {

/// Antialiased, as torch.nn.functional.interpolate(…, antialias=True) does on uint8.
engine::Result<std::unique_ptr<NativeFunction>> MakeResize(const FunctionSpec& spec);

}  // namespace raceway::operators
