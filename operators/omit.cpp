#include "operators/omit.h"

#include "operators/projection.h"

namespace raceway::operators {

engine::Result<engine::AnyOperator> MakeOmit(const engine::OperatorSpec& spec) {
  if (!spec.step.expressions.empty()) {
    return engine::Error{engine::ErrorCode::kInvalidArgument, "omit computes nothing"};
  }
  return MakeProjection(spec, /*sees_earlier=*/false);
}

}  // namespace raceway::operators
