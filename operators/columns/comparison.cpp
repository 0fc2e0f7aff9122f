#include "operators/columns/comparison.h"

#include <ATen/NumericUtils.h>
#include <ATen/ops/bitwise_and.h>
#include <ATen/ops/bitwise_or.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/eq.h>
#include <ATen/ops/ge.h>
#include <ATen/ops/gt.h>
#include <ATen/ops/le.h>
#include <ATen/ops/logical_not.h>
#include <ATen/ops/logical_or.h>
#include <ATen/ops/lt.h>
#include <ATen/ops/ne.h>
#include <ATen/ops/where.h>

#include <algorithm>
#include <compare>
#include <string_view>
#include <utility>
#include <vector>

#include "operators/columns/dense.h"

namespace raceway::operators {
namespace {

using engine::Column;
using engine::Result;
using engine::TextColumn;
using OfTensors = at::Tensor (*)(const at::Tensor&, const at::Tensor&);
using OfTexts = bool (*)(std::string_view, std::string_view);

Column CompareTexts(const ColumnCall& call, OfTexts op) {
  const TextColumn& a = call.args[0].text();
  const TextColumn& b = call.args[1].text();
  at::Tensor result = at::empty({call.num_rows}, at::kBool);
  bool* out = result.mutable_data_ptr<bool>();
  for (int64_t row = 0; row < call.num_rows; ++row) out[row] = op(a[row], b[row]);
  return result;
}

Column Compare(const ColumnCall& call, OfTensors of_tensors, OfTexts of_texts) {
  if (call.args[0].is_text()) return CompareTexts(call, of_texts);
  return of_tensors(AsOrdered(call.args[0].dense()), AsOrdered(call.args[1].dense()));
}

template <typename T>
int64_t FirstNan(const T* values, int64_t count) {
  return std::find_if(values, values + count, [](T value) { return at::_isnan(value); }) - values;
}

/// The first of `floats`, T[rows], that is NaN; the number of rows if none is.
int64_t FirstNan(const at::Tensor& floats) {
  const bool is_same = floats.stride(0) == 0;  // in all rows, as a constant
  const at::Tensor values = is_same ? floats : floats.contiguous();
  const int64_t count = is_same ? 1 : floats.size(0);
  int64_t first = 0;
  switch (values.scalar_type()) {
    case at::kHalf: first = FirstNan(values.const_data_ptr<at::Half>(), count); break;
    case at::kBFloat16: first = FirstNan(values.const_data_ptr<at::BFloat16>(), count); break;
    case at::kFloat: first = FirstNan(values.const_data_ptr<float>(), count); break;
    default: first = FirstNan(values.const_data_ptr<double>(), count); break;
  }
  return first == count ? floats.size(0) : first;
}

engine::Status CheckIsNumber(const ColumnCall& call) {
  const at::Tensor& left = call.args[0].dense();
  if (!left.is_floating_point()) return engine::Done{};
  const int64_t rows[] = {FirstNan(left), FirstNan(call.args[1].dense())};
  const size_t side = rows[1] < rows[0] ? 1 : 0;
  if (rows[side] == call.num_rows) return engine::Done{};
  return FailedAt(rows[side], left,
                  call.names[side] +
                      " is NaN, which is neither below nor above anything: `if x == x then x else "
                      "0.0` gives such an x a value");
}

Result<Column> Order(const ColumnCall& call, OfTensors of_tensors, OfTexts of_texts) {
  if (!call.args[0].is_text()) {
    if (auto checked = CheckIsNumber(call); !checked) return checked.error();
  }
  return Compare(call, of_tensors, of_texts);
}

/// Whether one tensor operation can choose between both.
bool AreAlike(const Column& a, const Column& b) {
  return a.is_dense() && b.is_dense() && a.dense().sizes() == b.dense().sizes();
}

/// Undefined where neither branch has a mask.
at::Tensor ChosenValidity(const at::Tensor& condition, std::span<const Column> branches) {
  const at::Tensor& a = branches[0].validity();
  const at::Tensor& b = branches[1].validity();
  if (a.defined() && b.defined()) return at::where(condition, a, b);
  if (a.defined()) return at::logical_or(at::logical_not(condition), a);
  if (b.defined()) return at::logical_or(condition, b);
  return {};
}

}  // namespace

Result<Column> Eq(const ColumnCall& call) {
  return Compare(call, &at::eq, [](auto a, auto b) { return a == b; });
}
Result<Column> Ne(const ColumnCall& call) {
  return Compare(call, &at::ne, [](auto a, auto b) { return a != b; });
}
Result<Column> Lt(const ColumnCall& call) {
  return Order(call, &at::lt, [](auto a, auto b) { return a < b; });
}
Result<Column> Le(const ColumnCall& call) {
  return Order(call, &at::le, [](auto a, auto b) { return a <= b; });
}
Result<Column> Gt(const ColumnCall& call) {
  return Order(call, &at::gt, [](auto a, auto b) { return a > b; });
}
Result<Column> Ge(const ColumnCall& call) {
  return Order(call, &at::ge, [](auto a, auto b) { return a >= b; });
}

Result<Column> And(const ColumnCall& call) {
  return Column(at::bitwise_and(call.args[0].dense(), call.args[1].dense()));
}
Result<Column> Or(const ColumnCall& call) {
  return Column(at::bitwise_or(call.args[0].dense(), call.args[1].dense()));
}
Result<Column> Not(const ColumnCall& call) { return Column(at::logical_not(call.args[0].dense())); }

Result<Column> If(const ColumnCall& call) {
  const at::Tensor& condition = call.args[0].dense();
  const std::span<const Column> branches = call.args.subspan(1);
  if (AreAlike(branches[0], branches[1])) {
    at::Tensor mask = condition;
    while (mask.dim() < branches[0].dense().dim()) mask = mask.unsqueeze(-1);
    const at::Tensor result =
        at::where(mask, AsSigned(branches[0].dense()), AsSigned(branches[1].dense()));
    return Column(result.view(ScalarTypeOf(call.type.dtype)))
        .WithValidity(ChosenValidity(condition, branches));
  }
  const at::Tensor flags = condition.contiguous();
  const bool* is_true = flags.const_data_ptr<bool>();
  std::vector<std::pair<int32_t, int64_t>> from;
  from.reserve(static_cast<size_t>(call.num_rows));
  for (int64_t row = 0; row < call.num_rows; ++row) from.emplace_back(is_true[row] ? 0 : 1, row);
  return Column::Gather(branches, from);
}

}  // namespace raceway::operators
