#include "operators/functions/image_resize.h"

#include <algorithm>
#include <utility>

#include "operators/functions/image_scale.h"

namespace raceway::operators {
namespace {

using engine::Column;
using engine::Error;
using engine::ErrorCode;
using engine::Result;
using engine::Type;

class Resize final : public NativeFunction {
 public:
  Resize(Type type, int64_t shorter, ScaleFilter filter)
      : type_(std::move(type)), shorter_(shorter), filter_(filter) {}

  Result<std::vector<Column>> Run(std::span<const Column> args, int64_t num_rows,
                                  engine::RunContext& context) const override {
    return MapImages(args[0], num_rows, type_, context,
                     [this](const at::Tensor& images) { return ResizeAll(images); });
  }

 private:
  ImageSize SizeFor(int64_t height, int64_t width) const {
    if (shorter_ == 0) return {type_.shape[0].size, type_.shape[1].size};
    // As torchvision: int(shorter * long / short), in floating point.
    const auto scaled = static_cast<int64_t>(static_cast<double>(shorter_) *
                                             static_cast<double>(std::max(height, width)) /
                                             static_cast<double>(std::min(height, width)));
    return height <= width ? ImageSize{shorter_, scaled} : ImageSize{scaled, shorter_};
  }

  /// u8[rows, H, W, 3]
  Result<at::Tensor> ResizeAll(const at::Tensor& images) const {
    const int64_t height = images.size(1);
    const int64_t width = images.size(2);
    if (height == 0 || width == 0) return Error{ErrorCode::kFailed, "the image has no pixels"};
    return ScaleImages(images, SizeFor(height, width), filter_);
  }

  Type type_;
  int64_t shorter_;  // 0: the size is the type's
  ScaleFilter filter_;
};

/// Each image at the size its row says.
class ResizeTo final : public NativeFunction {
 public:
  ResizeTo(Type type, ScaleFilter filter) : type_(std::move(type)), filter_(filter) {}

  Result<std::vector<Column>> Run(std::span<const Column> args, int64_t num_rows,
                                  engine::RunContext& context) const override {
    const at::Tensor heights = args[1].dense().contiguous();
    const at::Tensor widths = args[2].dense().contiguous();
    const auto resized = [&](int64_t row) -> Result<at::Tensor> {
      const ImageSize size = {heights.const_data_ptr<int64_t>()[row],
                              widths.const_data_ptr<int64_t>()[row]};
      if (size[0] < 1 || size[1] < 1) {
        return Error{ErrorCode::kFailed, "an image cannot become " + std::to_string(size[1]) +
                                             " × " + std::to_string(size[0]) + " pixels"};
      }
      Result<at::Tensor> image = ScaleImages(args[0].Row(row).unsqueeze(0), size, filter_);
      if (!image) return image;
      return image->squeeze(0);
    };
    Result<Column> images = MapRows(num_rows, type_, context, resized);
    if (!images) return std::move(images).error();
    return std::vector<Column>{*std::move(images)};
  }

 private:
  Type type_;
  ScaleFilter filter_;
};

}  // namespace

Result<std::unique_ptr<NativeFunction>> MakeResize(const FunctionSpec& spec) {
  const engine::Value* shorter = spec.settings.Find("shorter");
  if (shorter != nullptr && *shorter->AsInt() < 1) {
    return Error{ErrorCode::kInvalidArgument, "`shorter` must be at least 1"};
  }
  if (shorter == nullptr && !spec.results[0].is_fixed()) {
    return Error{ErrorCode::kInvalidArgument,
                 "wants the setting `shorter` or a result with both sizes, this is " +
                     ToString(spec.results[0])};
  }
  return std::unique_ptr<NativeFunction>(
      std::make_unique<Resize>(spec.results[0], shorter == nullptr ? 0 : *shorter->AsInt(),
                               FilterOf(spec.settings, ScaleFilter::kBilinear)));
}

Result<std::unique_ptr<NativeFunction>> MakeResizeTo(const FunctionSpec& spec) {
  return std::unique_ptr<NativeFunction>(
      std::make_unique<ResizeTo>(spec.results[0], FilterOf(spec.settings, ScaleFilter::kBilinear)));
}

}  // namespace raceway::operators
