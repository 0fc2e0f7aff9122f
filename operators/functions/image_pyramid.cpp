#include "operators/functions/image_pyramid.h"

#include <ATen/ops/tensor.h>

#include <algorithm>
#include <utility>

namespace raceway::operators {
namespace {

using engine::Column;
using engine::Error;
using engine::ErrorCode;
using engine::Result;

struct PyramidOptions {
  double window = 1;
  double smallest = 1;
  double factor = 0.709;  // halves the area
};

class Pyramid final : public NativeFunction {
 public:
  Pyramid(engine::Type type, PyramidOptions options) : type_(std::move(type)), options_(options) {}

  Result<std::vector<Column>> Run(std::span<const Column> args, int64_t num_rows,
                                  engine::RunContext& context) const override {
    Result<Column> scales = MapRows(num_rows, type_, context, [&](int64_t row) {
      const at::Tensor image = args[0].Row(row);
      return ScalesOf(static_cast<double>(std::min(image.size(0), image.size(1))));
    });
    if (!scales) return std::move(scales).error();
    return std::vector<Column>{*std::move(scales)};
  }

 private:
  Result<at::Tensor> ScalesOf(double shorter) const {
    std::vector<double> scales;
    double scale = options_.window / options_.smallest;
    for (double side = shorter * scale; side >= options_.window; side *= options_.factor) {
      scales.push_back(scale);
      scale *= options_.factor;
    }
    return at::tensor(scales, at::kDouble);
  }

  engine::Type type_;
  PyramidOptions options_;
};

}  // namespace

Result<std::unique_ptr<NativeFunction>> MakePyramid(const FunctionSpec& spec) {
  PyramidOptions options;
  options.window = static_cast<double>(*spec.settings.Find("window")->AsInt());
  options.smallest = static_cast<double>(*spec.settings.Find("smallest")->AsInt());
  if (const engine::Value* factor = spec.settings.Find("factor")) {
    options.factor = *factor->AsNumber();
  }
  if (options.window < 1 || options.smallest < 1) {
    return Error{ErrorCode::kInvalidArgument, "`window` and `smallest` must be at least 1"};
  }
  if (!(options.factor > 0.0 && options.factor <= 0.99)) {
    return Error{ErrorCode::kInvalidArgument, "`factor` must be above 0 and at most 0.99"};
  }
  return std::unique_ptr<NativeFunction>(std::make_unique<Pyramid>(spec.results[0], options));
}

}  // namespace raceway::operators
