#include "compiler/place/place.h"

#include <algorithm>

namespace raceway::compiler {

LogicalPlan Place(LogicalPlan plan) {
  for (Stage& stage : plan.stages) {
    stage.device = "cpu";
    stage.own_task = std::any_of(stage.steps.begin(), stage.steps.end(), [](const Step& step) {
      return step.kind == StepKind::kMap && step.function.kind == FunctionSpec::Kind::kModel;
    });
  }
  return plan;
}

}  // namespace raceway::compiler
