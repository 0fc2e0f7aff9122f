#include "operators/columns/nulls.h"

#include <ATen/ops/logical_not.h>
#include <ATen/ops/zeros.h>

#include "operators/columns/comparison.h"

namespace raceway::operators {

using engine::Column;
using engine::Result;

Result<Column> IsNull(const ColumnCall& call) {
  const at::Tensor& validity = call.args[0].validity();
  if (validity.defined()) return Column(at::logical_not(validity));
  return Column(at::zeros({1}, at::kBool).expand({call.num_rows}));
}

Result<Column> Coalesce(const ColumnCall& call) {
  const at::Tensor& validity = call.args[0].validity();
  if (!validity.defined()) return call.args[0];
  const Column args[] = {validity, call.args[0].WithValidity({}), call.args[1]};
  return If({args, call.type, call.num_rows});
}

Result<Column> ValueOf(const ColumnCall& call) { return call.args[0].WithValidity({}); }

Result<Column> AsOptional(const ColumnCall& call) { return call.args[0]; }

}  // namespace raceway::operators
