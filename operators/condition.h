#pragma once

#include <cstdint>
#include <vector>

#include "engine/operator.h"
#include "operators/expressions.h"

namespace raceway::operators {

/// An expression `where` of a step.
class Condition {
 public:
  /// Errors   InvalidArgument if it is missing, not alone, or not a bool
  static engine::Result<Condition> Make(const engine::OperatorSpec& spec);
  /// Of each of several.
  static engine::Result<std::vector<Condition>> MakeAll(const engine::OperatorSpec& spec);

  /// bool[rows]
  engine::Result<at::Tensor> Evaluate(const engine::Batch& batch) const;

 private:
  static engine::Result<Condition> Bind(const engine::NamedExpression& named,
                                        const engine::OperatorSpec& spec);
  explicit Condition(BoundExpression where) : where_(std::move(where)) {}

  BoundExpression where_;
};

}  // namespace raceway::operators
