#include "operators/columns/sizes.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>

#include <string>
#include <utility>

namespace raceway::operators {
namespace {

using engine::Column;
using engine::Error;
using engine::ErrorCode;
using engine::Result;

/// The sizes of one row.
at::IntArrayRef SizesOf(const Column& column, int64_t row) {
  return column.is_dense() ? column.dense().sizes().slice(1)
                           : column.ragged()[static_cast<size_t>(row)].sizes();
}

/// "[7, 3]"
std::string ShapeText(const Column& column, int64_t row) {
  std::string text;
  for (const int64_t size : SizesOf(column, row)) {
    text += (text.empty() ? "" : ", ") + std::to_string(size);
  }
  return "[" + text + "]";
}

Error Differ(const ColumnCall& call, int64_t row) {
  std::string message(call.args[2].text()[row]);
  for (size_t i = 3; i + 1 < call.args.size(); i += 2) {
    message += i == 3 ? ": " : i + 3 < call.args.size() ? ", " : " and ";
    message +=
        "`" + std::string(call.args[i].text()[row]) + "` is " + ShapeText(call.args[i + 1], row);
  }
  return {.code = ErrorCode::kInvalidArgument, .message = std::move(message), .row_id = row};
}

}  // namespace

Result<Column> SizeOf(const ColumnCall& call) {
  const at::Tensor dims = call.args[1].dense().contiguous();
  const int64_t* dim = dims.const_data_ptr<int64_t>();
  at::Tensor result = at::empty({call.num_rows}, at::kLong);
  int64_t* out = result.mutable_data_ptr<int64_t>();
  for (int64_t row = 0; row < call.num_rows; ++row) {
    const at::IntArrayRef sizes = SizesOf(call.args[0], row);
    // A plan may come from a file.
    if (dim[row] < 0 || dim[row] >= static_cast<int64_t>(sizes.size())) {
      return Error{.code = ErrorCode::kInvalidArgument,
                   .message = "no dimension " + std::to_string(dim[row]) + " in " +
                              ShapeText(call.args[0], row),
                   .row_id = row};
    }
    out[row] = sizes[static_cast<size_t>(dim[row])];
  }
  return Column(std::move(result));
}

Result<Column> SameSize(const ColumnCall& call) {
  const at::Tensor left = call.args[0].dense().contiguous();
  const at::Tensor right = call.args[1].dense().contiguous();
  const int64_t* a = left.const_data_ptr<int64_t>();
  const int64_t* b = right.const_data_ptr<int64_t>();
  for (int64_t row = 0; row < call.num_rows; ++row) {
    if (a[row] != b[row]) return Differ(call, row);
  }
  return Column(at::full({call.num_rows}, true, at::kBool));
}

}  // namespace raceway::operators
