#include "compiler/place/place.h"

#include <algorithm>

namespace raceway::compiler {

namespace {

void PlaceStages(std::vector<Stage>& stages);

/// Places what is in its branches; whether it calls a model, there or itself.
bool CallsModel(Step& step) {
  bool calls_model =
      step.kind == StepKind::kMap && step.function.kind == FunctionSpec::Kind::kModel;
  for (Branch& branch : step.branches) {
    PlaceStages(branch.stages);
    calls_model |= std::any_of(branch.stages.begin(), branch.stages.end(),
                               [](const Stage& stage) { return stage.own_task; });
  }
  return calls_model;
}

void PlaceStages(std::vector<Stage>& stages) {
  for (Stage& stage : stages) {
    stage.device = "cpu";
    stage.own_task = false;
    for (Step& step : stage.steps) stage.own_task |= CallsModel(step);
  }
}

}  // namespace

LogicalPlan Place(LogicalPlan plan) {
  PlaceStages(plan.stages);
  return plan;
}

}  // namespace raceway::compiler
