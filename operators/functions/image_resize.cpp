#include "operators/functions/image_resize.h"

#include <ATen/ops/_upsample_bicubic2d_aa.h>
#include <ATen/ops/_upsample_bilinear2d_aa.h>

#include <algorithm>
#include <array>
#include <utility>

#include "operators/functions/image_codec.h"

namespace raceway::operators {
namespace {

using engine::Column;
using engine::Error;
using engine::ErrorCode;
using engine::Result;
using engine::Type;
using Size = std::array<int64_t, 2>;  // height, width

class Resize final : public NativeFunction {
 public:
  Resize(Type type, int64_t shorter, bool is_bicubic)
      : type_(std::move(type)), shorter_(shorter), is_bicubic_(is_bicubic) {}

  Result<std::vector<Column>> Run(std::span<const Column> args, int64_t num_rows,
                                  engine::RunContext& context) const override {
    return MapImages(args[0], num_rows, type_, context,
                     [this](const at::Tensor& images) { return ResizeAll(images); });
  }

 private:
  Size SizeFor(int64_t height, int64_t width) const {
    if (shorter_ == 0) return {type_.shape[0].size, type_.shape[1].size};
    // As torchvision: int(shorter * long / short), in floating point.
    const auto scaled = static_cast<int64_t>(static_cast<double>(shorter_) *
                                             static_cast<double>(std::max(height, width)) /
                                             static_cast<double>(std::min(height, width)));
    return height <= width ? Size{shorter_, scaled} : Size{scaled, shorter_};
  }

  /// u8[rows, H, W, 3]
  Result<at::Tensor> ResizeAll(const at::Tensor& images) const {
    const int64_t height = images.size(1);
    const int64_t width = images.size(2);
    if (height == 0 || width == 0) return Error{ErrorCode::kFailed, "the image has no pixels"};
    const Size size = SizeFor(height, width);
    if (auto checked = CheckSize("an image", size[1], size[0]); !checked) return checked.error();
    if (size == Size{height, width}) return images;
    // The layout stays as it is: LibTorch reads it as channels-last and answers alike.
    const at::Tensor channels_first = images.permute({0, 3, 1, 2});
    const at::Tensor resized =
        is_bicubic_
            ? at::_upsample_bicubic2d_aa(channels_first, size, false, std::nullopt, std::nullopt)
            : at::_upsample_bilinear2d_aa(channels_first, size, false, std::nullopt, std::nullopt);
    return resized.permute({0, 2, 3, 1}).contiguous();
  }

  Type type_;
  int64_t shorter_;  // 0: the size is the type's
  bool is_bicubic_;
};

}  // namespace

Result<std::unique_ptr<NativeFunction>> MakeResize(const FunctionSpec& spec) {
  const engine::Value* shorter = spec.settings.Find("shorter");
  const engine::Value* filter = spec.settings.Find("filter");
  if (shorter != nullptr && *shorter->AsInt() < 1) {
    return Error{ErrorCode::kInvalidArgument, "`shorter` must be at least 1"};
  }
  if (shorter == nullptr && !spec.results[0].is_fixed()) {
    return Error{ErrorCode::kInvalidArgument,
                 "wants the setting `shorter` or a result with both sizes, this is " +
                     ToString(spec.results[0])};
  }
  const bool is_bicubic = filter != nullptr && *filter->AsString() == "bicubic";
  return std::unique_ptr<NativeFunction>(std::make_unique<Resize>(
      spec.results[0], shorter == nullptr ? 0 : *shorter->AsInt(), is_bicubic));
}

}  // namespace raceway::operators
