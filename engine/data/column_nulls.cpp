// Rows without a value.
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <utility>

#include "engine/data/column.h"

namespace raceway::engine {

Column Column::Nulls(const Type& type, int64_t num_rows) {
  const at::Tensor validity = at::zeros({1}, at::kBool).expand({num_rows});
  if (IsText(type.dtype)) return Column(TextColumn::Repeat("", num_rows)).WithValidity(validity);
  std::vector<int64_t> sizes = {1};
  for (const Dim& dim : type.shape) sizes.push_back(dim.is_size() ? dim.size : 0);
  const at::Tensor one = at::zeros(sizes, ScalarTypeOf(type.dtype));
  sizes[0] = num_rows;
  return Column(one.expand(sizes)).WithValidity(validity);
}

namespace {

/// The texts at `indices`, an empty one for each -1.
Column TakeTexts(const Column& column, std::span<const int64_t> indices) {
  const Column inputs[] = {column, TextColumn::Repeat("", 1)};
  std::vector<std::pair<int32_t, int64_t>> from;
  from.reserve(indices.size());
  for (const int64_t index : indices) {
    from.emplace_back(index < 0 ? 1 : 0, std::max<int64_t>(index, 0));
  }
  return Column::Gather(inputs, from);
}

/// The rows at `indices`, some row for each -1: a tensor stays one.
Column TakeAny(const Column& column, std::span<const int64_t> indices) {
  std::vector<int64_t> rows(indices.begin(), indices.end());
  std::replace(rows.begin(), rows.end(), int64_t{-1}, int64_t{0});
  return column.Take(rows);
}

}  // namespace

Column Column::TakeOrNull(std::span<const int64_t> indices, const Type& type) const {
  if (std::find(indices.begin(), indices.end(), -1) == indices.end()) return Take(indices);
  const auto num_taken = static_cast<int64_t>(indices.size());
  if (num_rows() == 0) return Nulls(type, num_taken);
  at::Tensor validity = at::empty({num_taken}, at::kBool);
  bool* out = validity.mutable_data_ptr<bool>();
  for (const int64_t index : indices) *out++ = index >= 0 && !is_null(index);
  return (is_text() ? TakeTexts(*this, indices) : TakeAny(*this, indices))
      .WithValidity(std::move(validity));
}

}  // namespace raceway::engine
