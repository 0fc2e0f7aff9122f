#include "operators/functions/boxes_from_heatmap.h"

#include <ATen/ops/empty.h>

#include <array>
#include <cmath>
#include <utility>

#include "operators/functions/boxes.h"

namespace raceway::operators {
namespace {

using engine::Column;
using engine::Error;
using engine::ErrorCode;
using engine::Result;

struct HeatmapOptions {
  float threshold = 0.0F;
  int64_t stride = 1;
  int64_t cell = 1;
};

/// The places, counted line by line, whose score is high enough.
Result<std::vector<int64_t>> HighPlaces(const at::Tensor& scores, float threshold) {
  std::vector<int64_t> places;
  const float* score = scores.const_data_ptr<float>();
  for (int64_t i = 0; i < scores.numel(); ++i) {
    if (std::isnan(score[i])) {
      return Error{ErrorCode::kFailed, "score " + std::to_string(i) + " is no number"};
    }
    if (score[i] >= threshold) places.push_back(i);
  }
  return places;
}

class FromHeatmap final : public NativeFunction {
 public:
  FromHeatmap(std::vector<engine::Type> types, HeatmapOptions options)
      : types_(std::move(types)), options_(options) {}

  Result<std::vector<Column>> Run(std::span<const Column> args, int64_t num_rows,
                                  engine::RunContext& context) const override {
    return MapRowsToColumns(num_rows, types_, context, [&](int64_t row) {
      return Find(args[0].Row(row).contiguous(), args[1].Row(row),
                  static_cast<float>(args[2].Row(row).item<double>()));
    });
  }

 private:
  /// f32[h, w], f32[C, h, w] → f32[N, 4], f32[N], f32[N, C]
  Result<std::array<at::Tensor, 3>> Find(const at::Tensor& scores, const at::Tensor& values,
                                         float scale) const {
    if (values.size(1) != scores.size(0) || values.size(2) != scores.size(1)) {
      return Error{ErrorCode::kFailed, "the maps of scores and of values differ in size"};
    }
    if (!(scale > 0.0F)) return Error{ErrorCode::kFailed, "the scale must be above 0"};
    const Result<std::vector<int64_t>> places = HighPlaces(scores, options_.threshold);
    if (!places) return places.error();
    const auto count = static_cast<int64_t>(places->size());
    at::Tensor boxes = at::empty({count, 4}, at::kFloat);
    at::Tensor where = at::empty({count}, at::kLong);
    auto* box = reinterpret_cast<Box*>(boxes.mutable_data_ptr<float>());
    for (int64_t i = 0; i < count; ++i) {
      const int64_t place = (*places)[static_cast<size_t>(i)];
      box[i] = BoxAt(place / scores.size(1), place % scores.size(1), scale);
      where.mutable_data_ptr<int64_t>()[i] = place;
    }
    return std::array{std::move(boxes), scores.flatten().index_select(0, where),
                      values.flatten(1).index_select(1, where).t().contiguous()};
  }

  Box BoxAt(int64_t y, int64_t x, float scale) const {
    const auto side = [this, scale](int64_t place, int64_t more) {
      return std::floor(static_cast<float>(options_.stride * place + more) / scale);
    };
    return {side(x, 1), side(y, 1), side(x, options_.cell), side(y, options_.cell)};
  }

  std::vector<engine::Type> types_;
  HeatmapOptions options_;
};

}  // namespace

Result<std::unique_ptr<NativeFunction>> MakeFromHeatmap(const FunctionSpec& spec) {
  const HeatmapOptions options = {static_cast<float>(*spec.settings.Find("threshold")->AsNumber()),
                                  *spec.settings.Find("stride")->AsInt(),
                                  *spec.settings.Find("cell")->AsInt()};
  if (options.stride < 1 || options.cell < 1) {
    return Error{ErrorCode::kInvalidArgument, "`stride` and `cell` must be at least 1"};
  }
  return std::unique_ptr<NativeFunction>(std::make_unique<FromHeatmap>(spec.results, options));
}

}  // namespace raceway::operators
