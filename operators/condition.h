#pragma once

#include <cstdint>
#include <vector>

#include "engine/operator.h"
#include "operators/expressions.h"

namespace raceway::operators {

/// The expression `where` of a step.
class Condition {
 public:
  /// Errors   InvalidArgument if it is missing, not alone, or not a bool
  static engine::Result<Condition> Make(const engine::OperatorSpec& spec);

  /// bool[rows]
  engine::Result<at::Tensor> Evaluate(const engine::Batch& batch) const;

 private:
  explicit Condition(BoundExpression where) : where_(std::move(where)) {}

  BoundExpression where_;
};

}  // namespace raceway::operators
