#include "operators/select.h"

#include "operators/projection.h"

namespace raceway::operators {

engine::Result<engine::AnyOperator> MakeSelect(const engine::OperatorSpec& spec) {
  return MakeProjection(spec, /*sees_earlier=*/false);
}

}  // namespace raceway::operators
