#include "operators/columns/making.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <string>
#include <utility>
#include <vector>

#include "operators/columns/dense.h"
#include "operators/columns/text.h"
#include "operators/columns/text_tensors.h"

namespace raceway::operators {
namespace {

using engine::Column;
using engine::Error;
using engine::ErrorCode;
using engine::Result;
using engine::Type;
using Tensors = std::span<const at::Tensor>;

/// args: i64[rows, …], size
Result<at::Tensor> OneHotOf(Tensors args, const Type& /*type*/) {
  const at::Tensor places = args[0].contiguous();
  const int64_t size = NumberOf(args[1]);
  std::vector<int64_t> sizes = places.sizes().vec();
  sizes.push_back(size);
  at::Tensor result = at::zeros(sizes, at::kFloat);
  auto* out = result.mutable_data_ptr<float>();
  const int64_t* place = places.const_data_ptr<int64_t>();
  for (int64_t i = 0; i < places.numel(); ++i, out += size) {
    if (place[i] < 0 || place[i] >= size) {
      return FailedAt(
          i, places,
          "there is no place " + std::to_string(place[i]) + " of " + std::to_string(size));
    }
    out[place[i]] = 1;
  }
  return result;
}

/// As tensors that LibTorch joins; an error where they differ from dimension `first` on.
Result<std::vector<at::Tensor>> Alike(Tensors args, int64_t first) {
  std::vector<at::Tensor> alike;
  for (const at::Tensor& arg : args) {
    if (arg.sizes().slice(static_cast<size_t>(first)) !=
        args[0].sizes().slice(static_cast<size_t>(first))) {
      return Error{ErrorCode::kFailed, "the shapes of what is put together differ"};
    }
    alike.push_back(AsSigned(arg));
  }
  return alike;
}

Result<at::Tensor> ListOf(Tensors args, const Type& type) {
  Result<std::vector<at::Tensor>> alike = Alike(args, 1);
  if (!alike) return alike.error();
  return at::stack(*alike, 1).view(ScalarTypeOf(type.dtype));
}

Result<at::Tensor> ConcatOf(Tensors args, const Type& type) {
  Result<std::vector<at::Tensor>> alike = Alike(args, 2);
  if (!alike) return alike.error();
  return at::cat(*alike, 1).view(ScalarTypeOf(type.dtype));
}

}  // namespace

Result<Column> Zeros(const ColumnCall& call) {
  std::vector<int64_t> sizes = {1};
  for (const Column& arg : call.args) sizes.push_back(NumberOf(arg.dense()));
  const at::Tensor zeros = at::zeros(sizes, at::kFloat);
  sizes[0] = call.num_rows;
  return Column(zeros.expand(sizes));
}

Result<Column> OneHot(const ColumnCall& call) { return RunDense(&OneHotOf, call); }
Result<Column> List(const ColumnCall& call) {
  return call.args[0].is_text() ? ListTexts(call) : RunDense(&ListOf, call);
}

Result<Column> Concat(const ColumnCall& call) {
  if (!call.args[0].is_text()) return RunDense(&ConcatOf, call);
  return call.type.is_scalar() ? ConcatTexts(call) : ConcatTextTensors(call);
}

}  // namespace raceway::operators
