#pragma once

#include "operators/functions/function.h"

namespace raceway::operators {

/// A copy of the image with the frame of each box, whose outer edge is the box; what lies outside
/// of the image is not drawn.
///
/// Errors   Failed for a coordinate that is no number
engine::Result<std::unique_ptr<NativeFunction>> MakeDrawBoxes(const FunctionSpec& spec);

}  // namespace raceway::operators
