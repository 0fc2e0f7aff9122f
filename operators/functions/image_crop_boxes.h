#pragma once

#include "operators/functions/function.h"

namespace raceway::operators {

/// What lies in each box, at the declared size. A box is widened to whole pixels and cut at the
/// edges of the image.
///
/// Errors   Failed for a box that has no pixel in the image, or a coordinate that is no number
engine::Result<std::unique_ptr<NativeFunction>> MakeCropBoxes(const FunctionSpec& spec);

}  // namespace raceway::operators
