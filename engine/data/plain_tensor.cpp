#include "engine/data/plain_tensor.h"

#include <utility>

namespace raceway::engine {

std::string ProblemOf(const at::Tensor& tensor) {
  if (!tensor.defined()) return "is an undefined tensor";
  if (!tensor.is_cpu()) return "is on " + tensor.device().str() + ": move it to the CPU";
  if (tensor.is_nested()) return "is a nested tensor: give a tensor for each row";
  if (tensor.is_mkldnn()) return "is an MKL-DNN tensor: make it dense";
  if (tensor.layout() != at::kStrided) return "is a sparse tensor: make it dense";
  if (tensor.is_quantized()) return "is quantised: dequantise it";
  if (DataTypeOf(tensor.scalar_type()) == DataType::kUnknown) {
    return std::string("is of ") + c10::toString(tensor.scalar_type()) + ", which no column can be";
  }
  if (tensor.is_neg()) return "is a negated view: resolve it";
  if (!tensor.has_storage() || tensor._is_zerotensor()) return "has no memory of its own";
  return {};
}

Status CheckPlain(const Column& column) {
  const auto check = [](const at::Tensor& tensor, int64_t row) -> Status {
    std::string problem = ProblemOf(tensor);
    if (problem.empty()) return Done{};
    return Error{.code = ErrorCode::kInvalidArgument, .message = std::move(problem), .row_id = row};
  };
  if (column.is_dense()) return check(column.dense(), -1);
  if (column.is_text()) return Done{};
  for (int64_t row = 0; row < column.num_rows(); ++row) {
    if (column.is_null(row)) continue;
    Status checked = check(column.ragged()[static_cast<size_t>(row)], row);
    if (!checked) return checked;
  }
  return Done{};
}

}  // namespace raceway::engine
