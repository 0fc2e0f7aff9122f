#include "operators/columns/places.h"

#include <ATen/ops/add.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/eq.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/sort.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "operators/columns/dense.h"
#include "operators/columns/text_tensors.h"

namespace raceway::operators {
namespace {

using engine::Column;
using engine::Error;
using engine::ErrorCode;
using engine::Result;
using engine::Type;
using Tensors = std::span<const at::Tensor>;

/// The first of `places`, i64[rows, …], that dimension `dim` of a row has not.
std::optional<Error> FindOutside(const at::Tensor& places, const at::Tensor& of, int64_t dim) {
  const at::Tensor all = places.contiguous();
  const int64_t* place = all.const_data_ptr<int64_t>();
  const int64_t size = of.size(dim);
  for (int64_t i = 0; i < all.numel(); ++i) {
    if (place[i] >= 0 && place[i] < size) continue;
    return FailedAt(i, all,
                    "there is no place " + std::to_string(place[i]) + ": dimension " +
                        std::to_string(dim) + " has size " + std::to_string(size));
  }
  return std::nullopt;
}

/// The rows of `x` one behind the other, without the first `num_dims` dimensions of each.
at::Tensor Flattened(const at::Tensor& x, int64_t num_dims) {
  std::vector<int64_t> sizes = x.sizes().vec();
  int64_t num_elements = 1;
  for (int64_t dim = 0; dim <= num_dims; ++dim) num_elements *= sizes[static_cast<size_t>(dim)];
  sizes.erase(sizes.begin(), sizes.begin() + num_dims);
  sizes.front() = num_elements;
  return AsSigned(x).reshape(sizes);
}

/// args: x[rows, A, B, …], then i64[rows] for each dimension that goes.
Result<at::Tensor> IndexOf(Tensors args, const Type& type) {
  const at::Tensor& x = args[0];
  at::Tensor places = at::arange(x.size(0), at::kLong);
  for (size_t i = 1; i < args.size(); ++i) {
    const auto dim = static_cast<int64_t>(i);
    if (std::optional<Error> outside = FindOutside(args[i], x, dim)) return *std::move(outside);
    places = at::add(at::mul(places, x.size(dim)), args[i]);
  }
  return at::index_select(Flattened(x, static_cast<int64_t>(args.size()) - 1), 0, places)
      .view(ScalarTypeOf(type.dtype));
}

/// args: x[rows, N, …], i64[rows, K, …]
Result<at::Tensor> TakeOf(Tensors args, const Type& type) {
  const at::Tensor& x = args[0];
  const at::Tensor& places = args[1];
  if (std::optional<Error> outside = FindOutside(places, x, 1)) return *std::move(outside);
  std::vector<int64_t> per_row(static_cast<size_t>(places.dim()), 1);
  per_row[0] = x.size(0);
  const at::Tensor first = at::mul(at::arange(x.size(0), at::kLong).view(per_row), x.size(1));
  std::vector<int64_t> sizes = places.sizes().vec();
  sizes.insert(sizes.end(), x.sizes().begin() + 2, x.sizes().end());
  return at::index_select(Flattened(x, 1), 0, at::add(first, places).reshape({-1}))
      .view(ScalarTypeOf(type.dtype))
      .view(sizes);
}

/// args: x[rows, …, N], count
Result<at::Tensor> TopkOf(Tensors args, const Type& /*type*/) {
  const at::Tensor& x = args[0];
  const auto count = NumberOf(args[1]);
  if (count > x.size(-1)) {
    return Error{ErrorCode::kFailed, "the last dimension has size " + std::to_string(x.size(-1)) +
                                         ", there are no " + std::to_string(count) +
                                         " greatest elements"};
  }
  const auto sorted = at::sort(AsOrdered(x), /*stable=*/true, -1, /*descending=*/true);
  return std::get<1>(sorted).narrow(-1, 0, count).contiguous();
}

/// args: x[rows, N, …], from, to. Rows may differ in both, then only one row comes at a time.
Result<at::Tensor> SliceOf(Tensors args, const Type& /*type*/) {
  const at::Tensor& x = args[0];
  const auto from = NumberOf(args[1]);
  const auto to = NumberOf(args[2]);
  if (from >= 0 && from <= to && to <= x.size(1)) {
    // Not a view, which would keep all of `x`.
    return x.narrow(1, from, to - from).clone(at::MemoryFormat::Contiguous);
  }
  return Error{ErrorCode::kFailed, "there are no places " + std::to_string(from) + " to " +
                                       std::to_string(to) + ": dimension 1 has size " +
                                       std::to_string(x.size(1))};
}

bool IsRepeated(const Column& column) { return column.dense().stride(0) == 0; }

/// args: T[rows], T[rows, …]
Result<at::Tensor> InOf(Tensors args, const Type& /*type*/) {
  const at::Tensor elements = AsOrdered(args[1]).reshape({args[1].size(0), -1});
  return at::eq(elements, AsOrdered(args[0]).unsqueeze(1)).any(1);
}

}  // namespace

Result<Column> Index(const ColumnCall& call) {
  return call.args[0].is_text() ? IndexTexts(call) : RunDense(&IndexOf, call);
}
Result<Column> Topk(const ColumnCall& call) { return RunDense(&TopkOf, call); }
Result<Column> Take(const ColumnCall& call) {
  return call.args[0].is_text() ? TakeTexts(call) : RunDense(&TakeOf, call);
}
Result<Column> In(const ColumnCall& call) {
  return call.args[0].is_text() ? InTexts(call) : RunDense(&InOf, call);
}

Result<Column> Slice(const ColumnCall& call) {
  if (call.args[0].is_text()) return SliceTexts(call);
  if (IsRepeated(call.args[1]) && IsRepeated(call.args[2])) return RunDense(&SliceOf, call);
  return RunRowByRow(&SliceOf, call);
}

Result<Column> Shape(const ColumnCall& call) {
  if (call.args[0].is_text()) return ShapeOfTexts(call);
  const Column& x = call.args[0];
  const auto rank = static_cast<int64_t>(call.type.shape.front().size);
  at::Tensor shapes = at::empty({x.is_dense() ? 1 : call.num_rows, rank}, at::kLong);
  int64_t* out = shapes.mutable_data_ptr<int64_t>();
  for (int64_t row = 0; row < shapes.size(0); ++row) {
    const at::Tensor value = x.Row(row);
    for (const int64_t size : value.sizes()) *out++ = size;
  }
  return Column(shapes.expand({call.num_rows, rank}));
}

}  // namespace raceway::operators
