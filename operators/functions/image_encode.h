#pragma once

#include "operators/functions/function.h"

namespace raceway::operators {

/// A PNG of 8-bit RGB.
///
/// Errors   Failed for an image without pixels
engine::Result<std::unique_ptr<NativeFunction>> MakeEncodePng(const FunctionSpec& spec);

}  // namespace raceway::operators
