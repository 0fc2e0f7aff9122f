#include "operators/functions/image_letterbox.h"

#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "operators/functions/image_scale.h"

namespace raceway::operators {
namespace {

using engine::Column;
using engine::Error;
using engine::ErrorCode;
using engine::Result;

constexpr int64_t kGrey = 114;  // what detectors of the YOLO family were trained with

class Letterbox final : public NativeFunction {
 public:
  Letterbox(std::vector<engine::Type> types, int64_t fill, ScaleFilter filter)
      : types_(std::move(types)),
        size_{types_[0].shape[0].size, types_[0].shape[1].size},
        fill_(fill),
        filter_(filter) {}

  Result<std::vector<Column>> Run(std::span<const Column> args, int64_t num_rows,
                                  engine::RunContext& context) const override {
    return MapRowsToColumns(num_rows, types_, context,
                            [&](int64_t row) { return Boxed(args[0].Row(row)); });
  }

 private:
  /// u8[H, W, 3] → px, scale, offset
  Result<std::array<at::Tensor, 3>> Boxed(const at::Tensor& image) const {
    const auto height = static_cast<double>(image.size(0));
    const auto width = static_cast<double>(image.size(1));
    if (image.numel() == 0) return Error{ErrorCode::kFailed, "the image has no pixels"};
    const double scale =
        std::min(static_cast<double>(size_[0]) / height, static_cast<double>(size_[1]) / width);
    const auto scaled = [scale](double side) {
      return std::max(int64_t{1}, static_cast<int64_t>(std::nearbyint(side * scale)));
    };
    const ImageSize inner = {scaled(height), scaled(width)};
    const Result<at::Tensor> small = ScaleImages(image.unsqueeze(0), inner, filter_);
    if (!small) return small.error();
    const int64_t top = (size_[0] - inner[0]) / 2;
    const int64_t left = (size_[1] - inner[1]) / 2;
    at::Tensor px = at::full({size_[0], size_[1], 3}, fill_, at::kByte);
    px.narrow(0, top, inner[0]).narrow(1, left, inner[1]).copy_(small->squeeze(0));
    return std::array{std::move(px), at::tensor(static_cast<float>(scale)).squeeze(0),
                      at::tensor({static_cast<float>(left), static_cast<float>(top)})};
  }

  std::vector<engine::Type> types_;
  ImageSize size_;
  int64_t fill_;
  ScaleFilter filter_;
};

class Unletterbox final : public NativeFunction {
 public:
  explicit Unletterbox(engine::Type type) : type_(std::move(type)) {}

  Result<std::vector<Column>> Run(std::span<const Column> args, int64_t num_rows,
                                  engine::RunContext& context) const override {
    Result<Column> boxes = MapRows(num_rows, type_, context, [&](int64_t row) {
      return Back(args[0].Row(row), args[1].Row(row), args[2].Row(row));
    });
    if (!boxes) return std::move(boxes).error();
    return std::vector<Column>{*std::move(boxes)};
  }

 private:
  /// f32[N, 4], f32, f32[2]
  static Result<at::Tensor> Back(const at::Tensor& boxes, const at::Tensor& scale,
                                 const at::Tensor& offset) {
    if (!(scale.item<float>() > 0.0F)) {
      return Error{ErrorCode::kFailed, "the scale of a letterbox must be above 0"};
    }
    return boxes.sub(offset.repeat({2})).div_(scale);
  }

  engine::Type type_;
};

}  // namespace

Result<std::unique_ptr<NativeFunction>> MakeLetterbox(const FunctionSpec& spec) {
  if (!spec.results[0].is_fixed()) {
    return Error{ErrorCode::kInvalidArgument,
                 "wants a result with both sizes, this is " + ToString(spec.results[0])};
  }
  const engine::Value* fill = spec.settings.Find("fill");
  if (fill != nullptr && (*fill->AsInt() < 0 || *fill->AsInt() > 255)) {
    return Error{ErrorCode::kInvalidArgument, "`fill` must be 0 to 255"};
  }
  return std::unique_ptr<NativeFunction>(
      std::make_unique<Letterbox>(spec.results, fill == nullptr ? kGrey : *fill->AsInt(),
                                  FilterOf(spec.settings, ScaleFilter::kBilinear)));
}

Result<std::unique_ptr<NativeFunction>> MakeUnletterbox(const FunctionSpec& spec) {
  return std::unique_ptr<NativeFunction>(std::make_unique<Unletterbox>(spec.results[0]));
}

}  // namespace raceway::operators
