#include "operators/functions/image_crop.h"

#include <cmath>
#include <string>
#include <utility>

namespace raceway::operators {
namespace {

using engine::Column;
using engine::Error;
using engine::ErrorCode;
using engine::Result;
using engine::Type;

/// As torchvision: int(round((from - to) / 2)), where Python rounds halves to the even number.
int64_t Margin(int64_t from, int64_t to) {
  return static_cast<int64_t>(std::nearbyint(static_cast<double>(from - to) / 2.0));
}

class Crop final : public NativeFunction {
 public:
  explicit Crop(Type type)
      : type_(std::move(type)), height_(type_.shape[0].size), width_(type_.shape[1].size) {}

  Result<std::vector<Column>> Run(std::span<const Column> args, int64_t num_rows,
                                  engine::RunContext& context) const override {
    return MapImages(args[0], num_rows, type_, context,
                     [this](const at::Tensor& images) { return CropAll(images); });
  }

 private:
  /// u8[rows, H, W, 3]; a view
  Result<at::Tensor> CropAll(const at::Tensor& images) const {
    const int64_t height = images.size(1);
    const int64_t width = images.size(2);
    if (height < height_ || width < width_) {
      return Error{ErrorCode::kFailed, "an image of " + std::to_string(width) + " × " +
                                           std::to_string(height) + " pixels is too small for " +
                                           std::to_string(width_) + " × " +
                                           std::to_string(height_)};
    }
    return images.narrow(1, Margin(height, height_), height_)
        .narrow(2, Margin(width, width_), width_);
  }

  Type type_;
  int64_t height_;
  int64_t width_;
};

}  // namespace

Result<std::unique_ptr<NativeFunction>> MakeCrop(const FunctionSpec& spec) {
  if (!spec.results[0].is_fixed()) {
    return Error{ErrorCode::kInvalidArgument,
                 "wants a result with both sizes, this is " + ToString(spec.results[0])};
  }
  return std::unique_ptr<NativeFunction>(std::make_unique<Crop>(spec.results[0]));
}

}  // namespace raceway::operators
