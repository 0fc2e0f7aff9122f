#include "operators/columns/dense.h"

#include <cstdint>
#include <utility>
#include <vector>

namespace raceway::operators {

using engine::Column;
using engine::Result;

Result<Column> RunRowByRow(DenseKernel kernel, const ColumnCall& call) {
  std::vector<at::Tensor> rows;
  rows.reserve(static_cast<size_t>(call.num_rows));
  std::vector<at::Tensor> args(call.args.size());
  for (int64_t row = 0; row < call.num_rows; ++row) {
    for (size_t i = 0; i < args.size(); ++i) args[i] = call.args[i].Row(row).unsqueeze(0);
    Result<at::Tensor> result = kernel(args, call.type);
    if (!result) {
      result.error().row_id = row;
      return result.error();
    }
    rows.push_back(result->squeeze(0));
  }
  return Column::FromRows(std::move(rows), call.type);
}

Result<Column> RunDense(DenseKernel kernel, const ColumnCall& call) {
  std::vector<at::Tensor> args;
  args.reserve(call.args.size());
  for (const Column& arg : call.args) {
    if (arg.is_ragged()) return RunRowByRow(kernel, call);
    args.push_back(arg.dense());
  }
  Result<at::Tensor> result = kernel(args, call.type);
  if (!result) return result.error();
  return Column(std::move(*result));
}

int64_t NumberOf(const at::Tensor& repeated) { return repeated.select(0, 0).item<int64_t>(); }

engine::Error FailedAt(int64_t i, const at::Tensor& of, std::string why) {
  return {.code = engine::ErrorCode::kFailed,
          .message = std::move(why),
          .row_id = i / (of.numel() / of.size(0))};
}

at::Tensor AsSigned(const at::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case at::kUInt16: return tensor.view(at::kShort);
    case at::kUInt32: return tensor.view(at::kInt);
    case at::kUInt64: return tensor.view(at::kLong);
    default: return tensor;
  }
}

at::Tensor AsOrdered(const at::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case at::kUInt16:
    case at::kUInt32: return tensor.to(at::kLong);
    case at::kUInt64: return tensor.view(at::kLong).bitwise_xor(INT64_MIN);
    default: return tensor;
  }
}

at::Tensor FromOrdered(const at::Tensor& ordered, at::ScalarType dtype) {
  if (ordered.scalar_type() == dtype) return ordered;
  if (dtype == at::kUInt64) return ordered.bitwise_xor(INT64_MIN).view(at::kUInt64);
  return ordered.to(dtype);
}

}  // namespace raceway::operators
