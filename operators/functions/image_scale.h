#pragma once

#include <ATen/core/TensorBody.h>

#include <array>
#include <cstdint>

#include "engine/result.h"
#include "engine/value.h"

namespace raceway::operators {

using ImageSize = std::array<int64_t, 2>;  // height, width

/// How pixels are weighed.
enum class ScaleFilter {
  kBilinear,  // antialiased
  kBicubic,   // antialiased
  kArea,      // the mean of what a pixel covers
};

/// Of the setting `filter`, or `otherwise` where there is none.
ScaleFilter FilterOf(const engine::Value& settings, ScaleFilter otherwise);

/// u8[rows, H, W, 3] → u8[rows, height, width, 3]; the images themselves where they have that size.
///
/// Errors   Failed for an image without pixels, and for a size beyond the limit of decoding
/// Source   torch.nn.functional.interpolate: the first two on bytes, `area` on floats that are
///          then rounded, halves to the even number
engine::Result<at::Tensor> ScaleImages(const at::Tensor& images, ImageSize size,
                                       ScaleFilter filter);

}  // namespace raceway::operators
