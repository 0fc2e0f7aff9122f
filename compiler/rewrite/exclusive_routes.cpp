#include "compiler/rewrite/exclusive_routes.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "compiler/rewrite/branches.h"
#include "compiler/rewrite/can_fail.h"

namespace raceway::compiler {
namespace {

bool IsSplit(const Stage& stage) {
  return stage.steps.size() == 1 && stage.steps.front().kind == StepKind::kSplit;
}

/// Whether `second` splits nothing but what `first` leaves over.
bool GoesOn(const LogicalPlan& plan, const Stage& first, const Stage& second, Port rest) {
  const auto& conditions = second.steps.front().expressions;
  return IsSplit(first) && first.device == second.device &&
         rest.output + 1 == static_cast<int32_t>(first.num_outputs()) &&
         plan.NumConsumers(rest) == 1 &&
         std::none_of(conditions.begin(), conditions.end(),
                      [](const auto& named) { return CanFail(named.expression); });
}

}  // namespace

LogicalPlan ExclusiveRoutes(LogicalPlan plan) {
  plan = InBranches(std::move(plan), &ExclusiveRoutes);
  std::vector<std::optional<Port>> instead(plan.stages.size());
  // From the last one on, so that what a split leaves over is looked at before it joins another.
  for (size_t i = plan.stages.size(); i-- > 0;) {
    Stage& second = plan.stages[i];
    if (!IsSplit(second) || second.inputs.front().stage < 0) continue;
    const Port rest = second.inputs.front();
    Stage& first = plan.stages[static_cast<size_t>(rest.stage)];
    if (!GoesOn(plan, first, second, rest)) continue;
    Step& route = first.steps.front();
    const Step& more = second.steps.front();
    std::copy(more.expressions.begin(), more.expressions.end(),
              std::back_inserter(route.expressions));
    route.outputs.pop_back();
    std::copy(more.outputs.begin(), more.outputs.end(), std::back_inserter(route.outputs));
    instead[i] = rest;
  }
  return RemoveStages(std::move(plan), instead);
}

}  // namespace raceway::compiler
