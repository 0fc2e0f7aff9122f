#include "operators/functions/image_draw_boxes.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "operators/functions/boxes.h"

namespace raceway::operators {
namespace {

using engine::Column;
using engine::Error;
using engine::ErrorCode;
using engine::Result;

/// The nearest line between pixels; far outside is as good as just outside.
int64_t Line(float at) { return static_cast<int64_t>(std::nearbyint(std::clamp(at, -1e6F, 1e6F))); }

class DrawBoxes final : public NativeFunction {
 public:
  DrawBoxes(engine::Type type, at::Tensor colour, int64_t width)
      : type_(std::move(type)), colour_(std::move(colour)), width_(width) {}

  Result<std::vector<Column>> Run(std::span<const Column> args, int64_t num_rows,
                                  engine::RunContext& context) const override {
    Result<Column> images = MapRows(num_rows, type_, context, [&](int64_t row) {
      return Drawn(args[0].Row(row), args[1].Row(row).contiguous());
    });
    if (!images) return std::move(images).error();
    return std::vector<Column>{*std::move(images)};
  }

 private:
  /// u8[H, W, 3], f32[N, 4]
  Result<at::Tensor> Drawn(const at::Tensor& image, const at::Tensor& boxes) const {
    if (auto checked = CheckBoxes(boxes); !checked) return checked.error();
    at::Tensor drawn = image.clone();
    for (int64_t i = 0; i < boxes.size(0); ++i) {
      const Box& box = BoxesOf(boxes)[i];
      const int64_t left = Line(box.x1);
      const int64_t top = Line(box.y1);
      const int64_t right = Line(box.x2);
      const int64_t bottom = Line(box.y2);
      Fill(drawn, left, top, right, top + width_);
      Fill(drawn, left, bottom - width_, right, bottom);
      Fill(drawn, left, top, left + width_, bottom);
      Fill(drawn, right - width_, top, right, bottom);
    }
    return drawn;
  }

  void Fill(const at::Tensor& image, int64_t left, int64_t top, int64_t right,
            int64_t bottom) const {
    left = std::max(left, int64_t{0});
    top = std::max(top, int64_t{0});
    right = std::min(right, image.size(1));
    bottom = std::min(bottom, image.size(0));
    if (left >= right || top >= bottom) return;
    image.narrow(0, top, bottom - top).narrow(1, left, right - left).copy_(colour_);
  }

  engine::Type type_;
  at::Tensor colour_;  // u8[3]
  int64_t width_;
};

bool IsByte(const engine::Value& value) {
  const std::optional<double> number = value.AsNumber();
  return number && *number >= 0 && *number <= 255;
}

}  // namespace

Result<std::unique_ptr<NativeFunction>> MakeDrawBoxes(const FunctionSpec& spec) {
  at::Tensor colour = at::tensor({255, 48, 48}, at::kByte);
  if (const engine::Value* setting = spec.settings.Find("colour")) {
    const engine::Value::List* list = setting->AsList();
    if (list == nullptr || list->size() != 3 || !std::all_of(list->begin(), list->end(), IsByte)) {
      return Error{ErrorCode::kInvalidArgument, "`colour` wants three numbers of 0 to 255"};
    }
    for (int64_t c = 0; c < 3; ++c) {
      colour[c] = static_cast<int64_t>(*(*list)[static_cast<size_t>(c)].AsNumber());
    }
  }
  const engine::Value* width = spec.settings.Find("width");
  if (width != nullptr && *width->AsInt() < 1) {
    return Error{ErrorCode::kInvalidArgument, "`width` must be at least 1"};
  }
  return std::unique_ptr<NativeFunction>(std::make_unique<DrawBoxes>(
      spec.results[0], std::move(colour), width == nullptr ? 2 : *width->AsInt()));
}

}  // namespace raceway::operators
