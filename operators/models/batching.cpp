#include "operators/models/batching.h"

#include <string>

namespace raceway::operators {

using engine::Error;
using engine::ErrorCode;
using engine::HintSpec;
using engine::Result;
using engine::schedule::BatchLimits;

Result<std::optional<BatchLimits>> ReadBatchHints(std::span<const HintSpec> hints) {
  std::optional<BatchLimits> limits;
  bool has_max = false;
  std::optional<bool> adaptive;
  for (const HintSpec& hint : hints) {
    if (!hint.name.starts_with("batch.")) continue;
    if (!limits) limits.emplace();
    if (hint.name == "batch.max") {
      if (hint.text.ends_with("tok")) continue;  // of language models
      const int64_t* const max = hint.value.AsInt();
      if (max == nullptr || *max < 1) {
        return Error{ErrorCode::kInvalidArgument,
                     "the hint `batch.max` cannot be " + ToString(hint.value)};
      }
      limits->max_rows = *max;
      has_max = true;
    } else if (hint.name == "batch.wait") {
      const int64_t* const wait = hint.value.AsInt();
      if (wait == nullptr || *wait < 0) {
        return Error{ErrorCode::kInvalidArgument,
                     "the hint `batch.wait` cannot be " + ToString(hint.value)};
      }
      limits->wait = static_cast<double>(*wait) / 1e9;
    } else if (hint.name == "batch.adaptive") {
      const bool* const flag = hint.value.AsBool();
      if (flag == nullptr) {
        return Error{ErrorCode::kInvalidArgument,
                     "the hint `batch.adaptive` cannot be " + ToString(hint.value)};
      }
      adaptive = *flag;
    }
    // `by` and `pad` say what is done anyway: calls are made of rows of one shape, and a model that
    // is declared with `pad` has its rows filled up.
  }
  if (limits) limits->adaptive = adaptive.value_or(!has_max);
  return limits;
}

}  // namespace raceway::operators
