#include "operators/functions/boxes_nms.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <utility>

#include "operators/functions/boxes.h"

namespace raceway::operators {
namespace {

using engine::Column;
using engine::Error;
using engine::ErrorCode;
using engine::Result;

struct NmsOptions {
  double overlap = 0.5;     // boxes that share more than this hide each other
  bool of_smaller = false;  // the share is of the smaller box, not of both together
  int64_t max = std::numeric_limits<int64_t>::max();
};

float AreaOf(const Box& box) { return (box.x2 - box.x1) * (box.y2 - box.y1); }

float AreaOfBoth(const Box& a, const Box& b) {
  const float width = std::min(a.x2, b.x2) - std::max(a.x1, b.x1);
  const float height = std::min(a.y2, b.y2) - std::max(a.y1, b.y1);
  return std::max(0.0F, width) * std::max(0.0F, height);
}

bool Hides(const Box& kept, const Box& other, const NmsOptions& options) {
  const float both = AreaOfBoth(kept, other);
  const float whole = options.of_smaller ? std::min(AreaOf(kept), AreaOf(other))
                                         : AreaOf(kept) + AreaOf(other) - both;
  return static_cast<double>(both / whole) >
         options.overlap;  // never where both are without area: 0 / 0
}

/// The places of `scores`, the highest first.
std::vector<int64_t> ByScore(const at::Tensor& scores) {
  std::vector<int64_t> order(static_cast<size_t>(scores.size(0)));
  std::iota(order.begin(), order.end(), 0);
  const float* score = scores.const_data_ptr<float>();
  std::stable_sort(order.begin(), order.end(),
                   [score](int64_t a, int64_t b) { return score[a] > score[b]; });
  return order;
}

engine::Status CheckScores(const at::Tensor& scores) {
  for (int64_t i = 0; i < scores.size(0); ++i) {
    if (!std::isfinite(scores.const_data_ptr<float>()[i])) {
      return Error{ErrorCode::kFailed, "score " + std::to_string(i) + " is no number"};
    }
  }
  return engine::Done{};
}

/// `classes`: undefined where all boxes are of one.
Result<at::Tensor> Suppress(const at::Tensor& boxes, const at::Tensor& scores,
                            const at::Tensor& classes, const NmsOptions& options,
                            engine::RunContext& context) {
  if (scores.size(0) != boxes.size(0) || (classes.defined() && classes.size(0) != boxes.size(0))) {
    return Error{ErrorCode::kFailed, std::to_string(boxes.size(0)) + " boxes want as many scores" +
                                         (classes.defined() ? " and classes" : "")};
  }
  if (auto checked = CheckBoxes(boxes); !checked) return checked.error();
  if (auto checked = CheckScores(scores); !checked) return checked.error();
  const Box* box = BoxesOf(boxes);
  const int64_t* class_of = classes.defined() ? classes.const_data_ptr<int64_t>() : nullptr;
  std::vector<int64_t> open = ByScore(scores);
  std::vector<int64_t> kept;
  while (!open.empty() && static_cast<int64_t>(kept.size()) < options.max) {
    if (const auto stop = context.cancel.Check()) return StopError(*stop);
    const int64_t best = open.front();
    kept.push_back(best);
    open.erase(open.begin());
    std::erase_if(open, [&](int64_t other) {
      return (class_of == nullptr || class_of[best] == class_of[other]) &&
             Hides(box[best], box[other], options);
    });
  }
  at::Tensor result = at::empty({static_cast<int64_t>(kept.size())}, at::kLong);
  std::copy(kept.begin(), kept.end(), result.mutable_data_ptr<int64_t>());
  return result;
}

class Nms final : public NativeFunction {
 public:
  Nms(engine::Type type, NmsOptions options) : type_(std::move(type)), options_(options) {}

  Result<std::vector<Column>> Run(std::span<const Column> args, int64_t num_rows,
                                  engine::RunContext& context) const override {
    Result<Column> kept = MapRows(num_rows, type_, context, [&](int64_t row) {
      const at::Tensor classes = args.size() > 2 ? args[2].Row(row).contiguous() : at::Tensor();
      return Suppress(args[0].Row(row).contiguous(), args[1].Row(row).contiguous(), classes,
                      options_, context);
    });
    if (!kept) return std::move(kept).error();
    return std::vector<Column>{*std::move(kept)};
  }

 private:
  engine::Type type_;
  NmsOptions options_;
};

}  // namespace

Result<std::unique_ptr<NativeFunction>> MakeNms(const FunctionSpec& spec) {
  NmsOptions options;
  if (const engine::Value* overlap = spec.settings.Find("overlap")) {
    options.overlap = *overlap->AsNumber();
  }
  if (!(options.overlap >= 0 && options.overlap <= 1)) {
    return Error{ErrorCode::kInvalidArgument, "`overlap` must be 0 to 1"};
  }
  if (const engine::Value* of = spec.settings.Find("of")) {
    options.of_smaller = *of->AsString() == "smaller";
  }
  if (const engine::Value* max = spec.settings.Find("max")) options.max = *max->AsInt();
  if (options.max < 1) return Error{ErrorCode::kInvalidArgument, "`max` must be at least 1"};
  return std::unique_ptr<NativeFunction>(std::make_unique<Nms>(spec.results[0], options));
}

Result<std::unique_ptr<NativeFunction>> MakeNmsByClass(const FunctionSpec& spec) {
  return MakeNms(spec);
}

}  // namespace raceway::operators
