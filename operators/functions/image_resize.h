#pragma once

#include "operators/functions/function.h"

namespace raceway::operators {

/// Antialiased, as torch.nn.functional.interpolate(…, antialias=True) does on uint8.
engine::Result<std::unique_ptr<NativeFunction>> MakeResize(const FunctionSpec& spec);

/// The same to a height and width that the row has.
engine::Result<std::unique_ptr<NativeFunction>> MakeResizeTo(const FunctionSpec& spec);

}  // namespace raceway::operators
