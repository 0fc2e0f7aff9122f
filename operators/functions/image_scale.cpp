#include "operators/functions/image_scale.h"

#include <ATen/ops/_upsample_bicubic2d_aa.h>
#include <ATen/ops/_upsample_bilinear2d_aa.h>
#include <ATen/ops/adaptive_avg_pool2d.h>

#include <optional>
#include <string>

#include "operators/functions/image_codec.h"

namespace raceway::operators {
namespace {

using engine::Error;
using engine::ErrorCode;
using engine::Result;

/// u8[rows, 3, H, W] of any layout: LibTorch reads it as it lies and answers alike.
at::Tensor Scaled(const at::Tensor& images, ImageSize size, ScaleFilter filter) {
  constexpr std::nullopt_t kNoScale = std::nullopt;
  switch (filter) {
    case ScaleFilter::kBilinear:
      return at::_upsample_bilinear2d_aa(images, size, false, kNoScale, kNoScale);
    case ScaleFilter::kBicubic:
      return at::_upsample_bicubic2d_aa(images, size, false, kNoScale, kNoScale);
    case ScaleFilter::kArea: break;
  }
  return at::adaptive_avg_pool2d(images.to(at::kFloat), size).round_().to(at::kByte);
}

}  // namespace

ScaleFilter FilterOf(const engine::Value& settings, ScaleFilter otherwise) {
  const engine::Value* filter = settings.Find("filter");
  if (filter == nullptr) return otherwise;
  if (*filter->AsString() == "area") return ScaleFilter::kArea;
  return *filter->AsString() == "bicubic" ? ScaleFilter::kBicubic : ScaleFilter::kBilinear;
}

Result<at::Tensor> ScaleImages(const at::Tensor& images, ImageSize size, ScaleFilter filter) {
  if (images.size(1) == 0 || images.size(2) == 0) {
    return Error{ErrorCode::kFailed, "the image has no pixels"};
  }
  if (auto checked = CheckSize("an image", size[1], size[0]); !checked) return checked.error();
  if (images.size(1) == size[0] && images.size(2) == size[1]) return images;
  return Scaled(images.permute({0, 3, 1, 2}), size, filter).permute({0, 2, 3, 1}).contiguous();
}

}  // namespace raceway::operators
