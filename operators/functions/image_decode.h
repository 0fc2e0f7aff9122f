#pragma once

#include "operators/functions/function.h"

namespace raceway::operators {

/// PNG and JPEG to u8[H, W, 3], by content.
engine::Result<std::unique_ptr<NativeFunction>> MakeDecodeImage(const FunctionSpec& spec);

}  // namespace raceway::operators
