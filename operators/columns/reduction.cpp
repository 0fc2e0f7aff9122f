#include "operators/columns/reduction.h"

#include <ATen/ops/amax.h>
#include <ATen/ops/amin.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/sum.h>

#include <optional>

#include "engine/data/time_text.h"
#include "operators/columns/dense.h"
#include "operators/time_sum.h"

namespace raceway::operators {
namespace {

using engine::Column;
using engine::Error;
using engine::ErrorCode;
using engine::Result;
using engine::Type;
using Tensors = std::span<const at::Tensor>;
using Reduce = at::Tensor (*)(const at::Tensor&);

/// Of something that has an order, and one element at least.
template <Reduce kOp>
Result<at::Tensor> Extreme(Tensors args, const Type& type) {
  if (args[0].size(-1) == 0) {
    return Error{ErrorCode::kInvalidArgument, "the last dimension is empty: it has no greatest"};
  }
  const at::Tensor result = kOp(AsOrdered(args[0]));
  return type.dtype == engine::DataType::kI64 ? result : FromOrdered(result, args[0].scalar_type());
}

at::Tensor Greatest(const at::Tensor& x) { return at::amax(x, -1); }
at::Tensor Smallest(const at::Tensor& x) { return at::amin(x, -1); }
at::Tensor WhereGreatest(const at::Tensor& x) { return at::argmax(x, -1); }

Result<at::Tensor> SoftmaxOf(Tensors args, const Type& /*type*/) {
  return at::softmax(args[0], -1);
}

Result<at::Tensor> SumOfTimes(const at::Tensor& times) {
  const at::Tensor all = times.contiguous();
  const size_t rank = static_cast<size_t>(all.dim());
  at::Tensor result = at::empty(all.sizes().slice(0, rank - 1), at::kLong);
  const int64_t* time = all.const_data_ptr<int64_t>();
  int64_t* out = result.mutable_data_ptr<int64_t>();
  for (int64_t i = 0; i < result.numel(); ++i) {
    TimeSum sum;
    for (int64_t k = 0; k < all.size(-1); ++k) sum.Add(*time++);
    const std::optional<int64_t> total = sum.Total();
    if (!total) return FailedAt(i, result, "the sum is too long for a time");
    out[i] = *total;
  }
  return result;
}

Result<at::Tensor> SumOf(Tensors args, const Type& type) {
  if (engine::IsTime(type.dtype)) return SumOfTimes(args[0]);
  const at::Tensor signed_ones = AsSigned(args[0]);
  const at::Tensor result = at::sum(signed_ones, -1, false, signed_ones.scalar_type());
  return result.view(ScalarTypeOf(type.dtype));
}

Result<at::Tensor> MeanOf(Tensors args, const Type& /*type*/) { return at::mean(args[0], -1); }

}  // namespace

Result<Column> Softmax(const ColumnCall& call) { return RunDense(&SoftmaxOf, call); }
Result<Column> Argmax(const ColumnCall& call) { return RunDense(&Extreme<&WhereGreatest>, call); }
Result<Column> Max(const ColumnCall& call) { return RunDense(&Extreme<&Greatest>, call); }
Result<Column> Min(const ColumnCall& call) { return RunDense(&Extreme<&Smallest>, call); }
Result<Column> Sum(const ColumnCall& call) { return RunDense(&SumOf, call); }
Result<Column> Mean(const ColumnCall& call) { return RunDense(&MeanOf, call); }

}  // namespace raceway::operators
