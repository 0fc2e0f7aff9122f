#pragma once

#include "operators/functions/function.h"

namespace raceway::operators {

/// The whole image in its proportions, in the middle of one of the declared size.
///
/// Output   px, and the way back: x of the image is (x of `px` - offset[0]) / scale, y likewise
///          with offset[1]
/// Errors   Failed for an image without pixels
engine::Result<std::unique_ptr<NativeFunction>> MakeLetterbox(const FunctionSpec& spec);

/// Boxes of what a letterbox shows, as boxes of the image.
engine::Result<std::unique_ptr<NativeFunction>> MakeUnletterbox(const FunctionSpec& spec);

}  // namespace raceway::operators
