#include "compiler/rewrite/filter_push_down.h"

#include <algorithm>
#include <utility>

#include "compiler/plan/infix.h"
#include "compiler/rewrite/branches.h"
#include "compiler/rewrite/can_fail.h"
#include "compiler/rewrite/takes_out_rows.h"

namespace raceway::compiler {
namespace {

using Columns = std::vector<std::string>;

const engine::Expression& Condition(const Stage& filter) {
  return filter.steps.front().expressions.front().expression;
}

/// Not one that only checks sizes: it takes out no row, so there is nothing to gain.
bool IsMovable(const Stage& stage) {
  return stage.steps.size() == 1 && stage.steps.front().kind == StepKind::kFilter &&
         !IsSizeCheck(Condition(stage));
}

bool CanPass(const Step& step, const Columns& reads) {
  switch (step.kind) {
    case StepKind::kMap:
    case StepKind::kLookup:
    case StepKind::kDerive:
    case StepKind::kSelect:
    case StepKind::kOmit: break;
    case StepKind::kFilter:
    case StepKind::kSort: return true;
    case StepKind::kSplit:
    case StepKind::kUnion:
    case StepKind::kJoin:
    case StepKind::kLimit:
    case StepKind::kExplode:
    case StepKind::kAgg:
    case StepKind::kFail:
    case StepKind::kDrop:
    case StepKind::kGuard:
    case StepKind::kAnyof:
    case StepKind::kPrefetch: return false;
  }
  const Columns defines = step.Defines();
  return std::find_first_of(defines.begin(), defines.end(), reads.begin(), reads.end()) ==
         defines.end();
}

bool DoesWork(const Step& step) {
  return step.kind == StepKind::kMap || step.kind == StepKind::kLookup ||
         step.kind == StepKind::kSort ||
         (step.kind != StepKind::kFilter && !step.expressions.empty());
}

/// How many read the first output of each stage. Stages that change places keep these numbers.
std::vector<int> CountConsumers(const LogicalPlan& plan) {
  std::vector<int> consumers(plan.stages.size());
  const auto count = [&](Port port) {
    if (port.stage >= 0 && port.output == 0) ++consumers[static_cast<size_t>(port.stage)];
  };
  for (const PlanResult& result : plan.results) count(result.output);
  for (const Stage& stage : plan.stages) {
    for (const Port port : stage.inputs) count(port);
  }
  return consumers;
}

/// Whether a row may fail in `step`.
bool MayFail(const Step& step) {
  return step.kind == StepKind::kMap || step.kind == StepKind::kLookup ||
         std::any_of(step.expressions.begin(), step.expressions.end(),
                     [](const auto& named) { return CanFail(named.expression); });
}

/// The stages that the filter at `index` should pass, the nearest first.
std::vector<size_t> StagesToPass(const LogicalPlan& plan, const std::vector<int>& consumers,
                                 size_t index, bool keeps_errors) {
  const Columns reads = plan.stages[index].steps.front().Reads();
  const bool can_fail = CanFail(Condition(plan.stages[index]));
  std::vector<size_t> passed;
  size_t num_worth = 0;  // up to the last that saves work
  Port from = plan.stages[index].inputs.front();
  while (from.stage >= 0 && consumers[static_cast<size_t>(from.stage)] == 1) {
    const Stage& producer = plan.stages[static_cast<size_t>(from.stage)];
    if (producer.steps.size() != 1 || !CanPass(producer.steps.front(), reads)) break;
    if (keeps_errors && MayFail(producer.steps.front())) break;
    if (can_fail && TakesOutRows(producer.steps.front())) break;
    passed.push_back(static_cast<size_t>(from.stage));
    if (DoesWork(producer.steps.front())) num_worth = passed.size();
    from = producer.inputs.front();
  }
  passed.resize(num_worth);
  return passed;
}

/// Lets `filter` and the stage before it change places.
void Swap(LogicalPlan& plan, Stage& producer, Stage& filter) {
  const Columns& came = plan.ColumnsOf(producer.inputs.front());  // of neither of the two
  std::swap(producer, filter);
  std::swap(producer.inputs, filter.inputs);
  // What left the filter leaves the other now, which reads all that came.
  filter.steps.front().outputs = std::exchange(producer.steps.front().outputs, {came});
}

LogicalPlan Push(LogicalPlan plan, bool keeps_errors) {
  const std::vector<int> consumers = CountConsumers(plan);
  for (size_t i = 0; i < plan.stages.size(); ++i) {
    if (!IsMovable(plan.stages[i])) continue;
    size_t at = i;
    for (const size_t before : StagesToPass(plan, consumers, i, keeps_errors)) {
      Swap(plan, plan.stages[before], plan.stages[at]);
      at = before;
    }
  }
  return plan;
}

LogicalPlan PushInBranch(LogicalPlan plan) {
  return Push(InBranches(std::move(plan), &PushInBranch), true);
}

}  // namespace

LogicalPlan FilterPushDown(LogicalPlan plan) {
  return Push(InBranches(std::move(plan), &PushInBranch), false);
}

}  // namespace raceway::compiler
