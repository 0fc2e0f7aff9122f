#include "operators/derive.h"

#include "operators/projection.h"

namespace raceway::operators {

engine::Result<engine::AnyOperator> MakeDerive(const engine::OperatorSpec& spec) {
  return MakeProjection(spec, /*sees_earlier=*/true);
}

}  // namespace raceway::operators
