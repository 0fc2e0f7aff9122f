#include "operators/condition.h"

#include <c10/core/InferenceMode.h>

#include <utility>

#include "operators/row_errors.h"

namespace raceway::operators {

using engine::Column;
using engine::Error;
using engine::ErrorCode;
using engine::Result;

Result<Condition> Condition::Make(const engine::OperatorSpec& spec) {
  if (spec.step.expressions.size() != 1) {
    return Error{ErrorCode::kInvalidArgument,
                 spec.step.op + " wants one input and one expression `where`"};
  }
  return Bind(spec.step.expressions.front(), spec);
}

Result<std::vector<Condition>> Condition::MakeAll(const engine::OperatorSpec& spec) {
  if (spec.step.expressions.empty()) {
    return Error{ErrorCode::kInvalidArgument, spec.step.op + " wants an expression `where`"};
  }
  std::vector<Condition> conditions;
  for (const engine::NamedExpression& named : spec.step.expressions) {
    Result<Condition> condition = Bind(named, spec);
    if (!condition) return std::move(condition).error();
    conditions.push_back(std::move(*condition));
  }
  return conditions;
}

Result<Condition> Condition::Bind(const engine::NamedExpression& named,
                                  const engine::OperatorSpec& spec) {
  if (spec.inputs.size() != 1 || named.name != "where") {
    return Error{ErrorCode::kInvalidArgument,
                 spec.step.op + " wants one input and expressions `where`"};
  }
  const engine::Expression& where = named.expression;
  if (where.type != engine::Type{engine::DataType::kBool}) {
    return Error{ErrorCode::kInvalidArgument,
                 spec.step.op + " wants a bool, this is " + ToString(where.type)};
  }
  Result<BoundExpression> bound = BoundExpression::Bind(where, *spec.inputs[0]);
  if (!bound) return std::move(bound).error();
  return Condition(std::move(*bound));
}

Result<at::Tensor> Condition::Evaluate(const engine::Batch& batch) const {
  const c10::InferenceMode inference;
  Result<Column> flags = where_.Evaluate(batch.columns(), batch.num_rows());
  if (!flags) return WithRowId(std::move(flags).error(), batch);
  return flags->dense();
}

}  // namespace raceway::operators
