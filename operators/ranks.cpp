#include "operators/ranks.h"

#include <ATen/core/TensorBody.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "engine/data/longs.h"
#include "engine/data/time_text.h"

namespace raceway::operators {
namespace {

using engine::DataType;

constexpr int64_t kLast = std::numeric_limits<int64_t>::max();

/// Numbers whose order is that of the doubles.
std::vector<int64_t> RankFloats(const at::Tensor& values, Order order) {
  const at::Tensor doubles = values.to(at::kDouble).contiguous();
  const double* data = doubles.const_data_ptr<double>();
  std::vector<int64_t> ranks(static_cast<size_t>(doubles.numel()));
  for (size_t i = 0; i < ranks.size(); ++i) {
    if (std::isnan(data[i])) {
      ranks[i] = kLast;
      continue;
    }
    const auto bits = std::bit_cast<int64_t>(data[i] + 0.0);  // + 0.0: -0 becomes 0
    const int64_t ascending = bits < 0 ? std::numeric_limits<int64_t>::min() ^ ~bits : bits;
    ranks[i] = order == Order::kAscending ? ascending : ~ascending;
  }
  return ranks;
}

std::vector<int64_t> RankIntegers(const at::Tensor& values, DataType type, Order order) {
  const bool is_u64 = type == DataType::kU64;
  const at::Tensor dense = engine::Longs(values);
  const int64_t* data = dense.const_data_ptr<int64_t>();
  std::vector<int64_t> ranks(data, data + dense.numel());
  for (int64_t& rank : ranks) {
    if (is_u64) rank ^= std::numeric_limits<int64_t>::min();  // the upper half comes last
    if (order == Order::kDescending) rank = ~rank;
  }
  return ranks;
}

std::vector<int64_t> RankTexts(const engine::TextColumn& texts, Order order) {
  std::vector<int64_t> ranks(static_cast<size_t>(texts.num_rows()));
  std::vector<int64_t> sorted(ranks.size());
  std::iota(sorted.begin(), sorted.end(), 0);
  std::sort(sorted.begin(), sorted.end(),
            [&](int64_t a, int64_t b) { return texts[a] < texts[b]; });
  int64_t rank = 0;
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (i > 0 && texts[sorted[i]] != texts[sorted[i - 1]]) ++rank;
    ranks[static_cast<size_t>(sorted[i])] = order == Order::kAscending ? rank : ~rank;
  }
  return ranks;
}

}  // namespace

bool HasOrder(const engine::Type& type) {
  return type.is_scalar() && !type.optional &&
         (engine::IsNumber(type.dtype) || engine::IsText(type.dtype) ||
          engine::IsTime(type.dtype) || type.dtype == DataType::kBool);
}

std::vector<int64_t> Ranks(const engine::Column& column, DataType type, Order order) {
  if (column.is_text()) return RankTexts(column.text(), order);
  if (engine::IsFloat(type)) return RankFloats(column.dense(), order);
  return RankIntegers(column.dense(), type, order);
}

}  // namespace raceway::operators
