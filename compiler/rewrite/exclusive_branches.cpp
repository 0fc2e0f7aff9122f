#include "compiler/rewrite/exclusive_branches.h"

#include <algorithm>
#include <utility>

#include "compiler/rewrite/branches.h"

namespace raceway::compiler {
namespace {

const engine::Expression& Condition(const Stage& filter) {
  return filter.steps.front().expressions.front().expression;
}

bool IsFilter(const Stage& stage) {
  return stage.steps.size() == 1 && stage.steps.front().kind == StepKind::kFilter;
}

bool IsNegationOf(const engine::Expression& a, const engine::Expression& b) {
  return a.kind == engine::Expression::Kind::kCall && a.name == "not" && a.args.front() == b;
}

/// `not not c` may have become c.
bool AreOpposite(const engine::Expression& a, const engine::Expression& b) {
  return IsNegationOf(a, b) || IsNegationOf(b, a);
}

}  // namespace

LogicalPlan ExclusiveBranches(LogicalPlan plan) {
  plan = InBranches(std::move(plan), &ExclusiveBranches);
  std::vector<std::optional<Port>> instead(plan.stages.size());
  for (size_t i = 0; i < plan.stages.size(); ++i) {
    if (instead[i] || !IsFilter(plan.stages[i])) continue;
    const auto partner =
        std::find_if(plan.stages.begin() + static_cast<std::ptrdiff_t>(i) + 1, plan.stages.end(),
                     [&](const Stage& other) {
                       return !instead[static_cast<size_t>(&other - plan.stages.data())] &&
                              IsFilter(other) && other.inputs == plan.stages[i].inputs &&
                              AreOpposite(Condition(other), Condition(plan.stages[i]));
                     });
    if (partner == plan.stages.end()) continue;
    Step& split = plan.stages[i].steps.front();
    split.kind = StepKind::kSplit;
    split.outputs.push_back(partner->steps.front().outputs.front());
    instead[static_cast<size_t>(partner - plan.stages.begin())] = Port{static_cast<int32_t>(i), 1};
  }
  return RemoveStages(std::move(plan), instead);
}

}  // namespace raceway::compiler
