#pragma once

#include "operators/functions/function.h"

namespace raceway::operators {

/// The scales at which a model with a small window sees things of every size: the first makes the
/// smallest things as large as the window, each further one shrinks the image by `factor`, while
/// it is as large as the window. None for an image that is too small.
engine::Result<std::unique_ptr<NativeFunction>> MakePyramid(const FunctionSpec& spec);

}  // namespace raceway::operators
