#pragma once

#include "operators/functions/function.h"

namespace raceway::operators {

/// A box for each place of a map of scores that is high enough, as the first net of MTCNN sees
/// them: place (y, x) looked at the pixels from ⌊(stride · x + 1) / scale⌋ to
/// ⌊(stride · x + cell) / scale⌋ of the image, likewise in y.
///
/// Output   boxes, scores and values[:, y, x] of each, line by line
/// Errors   Failed for a scale that is not above 0 and a score that is not a number
engine::Result<std::unique_ptr<NativeFunction>> MakeFromHeatmap(const FunctionSpec& spec);

}  // namespace raceway::operators
