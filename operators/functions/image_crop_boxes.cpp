#include "operators/functions/image_crop_boxes.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "operators/functions/boxes.h"
#include "operators/functions/image_codec.h"
#include "operators/functions/image_scale.h"

namespace raceway::operators {
namespace {

using engine::Column;
using engine::Error;
using engine::ErrorCode;
using engine::Result;

/// The whole pixels that a side from `from` to `to` touches, as far as there are any.
std::pair<int64_t, int64_t> Pixels(float from, float to, int64_t size) {
  const auto last = static_cast<float>(size);
  return {static_cast<int64_t>(std::floor(std::clamp(from, 0.0F, last))),
          static_cast<int64_t>(std::ceil(std::clamp(to, 0.0F, last)))};
}

class CropBoxes final : public NativeFunction {
 public:
  CropBoxes(engine::Type type, ScaleFilter filter)
      : type_(std::move(type)), size_{type_.shape[1].size, type_.shape[2].size}, filter_(filter) {}

  Result<std::vector<Column>> Run(std::span<const Column> args, int64_t num_rows,
                                  engine::RunContext& context) const override {
    Result<Column> crops = MapRows(num_rows, type_, context, [&](int64_t row) {
      return CropAll(args[0].Row(row), args[1].Row(row).contiguous(), context);
    });
    if (!crops) return std::move(crops).error();
    return std::vector<Column>{*std::move(crops)};
  }

 private:
  /// u8[H, W, 3], f32[N, 4] → u8[N, h, w, 3]
  Result<at::Tensor> CropAll(const at::Tensor& image, const at::Tensor& boxes,
                             engine::RunContext& context) const {
    if (auto checked = CheckBoxes(boxes); !checked) return checked.error();
    if (boxes.size(0) > kMaxPixels / std::max<int64_t>(1, size_[0] * size_[1])) {
      return Error{ErrorCode::kFailed, std::to_string(boxes.size(0)) + " crops of " +
                                           std::to_string(size_[1]) + " × " +
                                           std::to_string(size_[0]) + " pixels are too many"};
    }
    at::Tensor crops = at::empty({boxes.size(0), size_[0], size_[1], 3}, at::kByte);
    for (int64_t i = 0; i < boxes.size(0); ++i) {
      if (const auto stop = context.cancel.Check()) return StopError(*stop);
      const Box& box = BoxesOf(boxes)[i];
      const auto [left, right] = Pixels(box.x1, box.x2, image.size(1));
      const auto [top, bottom] = Pixels(box.y1, box.y2, image.size(0));
      if (left >= right || top >= bottom) {
        return Error{ErrorCode::kFailed, NameOfBox(i, box) + " has no pixel in an image of " +
                                             std::to_string(image.size(1)) + " × " +
                                             std::to_string(image.size(0))};
      }
      const at::Tensor part = image.narrow(0, top, bottom - top).narrow(1, left, right - left);
      Result<at::Tensor> crop = ScaleImages(part.unsqueeze(0), size_, filter_);
      if (!crop) return crop;
      crops.select(0, i).copy_(crop->squeeze(0));
    }
    return crops;
  }

  engine::Type type_;
  ImageSize size_;
  ScaleFilter filter_;
};

}  // namespace

Result<std::unique_ptr<NativeFunction>> MakeCropBoxes(const FunctionSpec& spec) {
  const engine::Type& type = spec.results[0];
  if (!type.shape[1].is_size() || !type.shape[2].is_size()) {
    return Error{ErrorCode::kInvalidArgument,
                 "wants a result with both sizes, this is " + ToString(type)};
  }
  return std::unique_ptr<NativeFunction>(
      std::make_unique<CropBoxes>(type, FilterOf(spec.settings, ScaleFilter::kBilinear)));
}

}  // namespace raceway::operators
