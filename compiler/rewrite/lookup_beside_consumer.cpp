#include "compiler/rewrite/lookup_beside_consumer.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "compiler/rewrite/can_fail.h"
#include "compiler/rewrite/takes_out_rows.h"

namespace raceway::compiler {
namespace {

using Columns = std::vector<std::string>;

bool IsMovable(const Stage& stage) {
  return stage.steps.size() == 1 && stage.steps.front().kind == StepKind::kLookup &&
         MissOf(stage.steps.front()) != "drop";
}

/// Whether the request may end with an error of this step.
bool MayFail(const Step& step) {
  if (step.kind == StepKind::kMap) return true;
  if (step.kind == StepKind::kLookup) return MissOf(step) == "fail";
  return std::any_of(step.expressions.begin(), step.expressions.end(),
                     [](const auto& named) { return CanFail(named.expression); });
}

bool CanPass(const Step& lookup, const Step& next) {
  switch (next.kind) {
    case StepKind::kMap:
    case StepKind::kLookup:
    case StepKind::kDerive:
    case StepKind::kSelect:
    case StepKind::kOmit:
    case StepKind::kFilter:
    case StepKind::kSort:
    case StepKind::kLimit: return MissOf(lookup) == "null" || !MayFail(next);
    case StepKind::kSplit:
    case StepKind::kUnion:
    case StepKind::kJoin:
    case StepKind::kExplode:
    case StepKind::kAgg:
    case StepKind::kFail:
    case StepKind::kDrop:
    case StepKind::kGuard:
    case StepKind::kAnyof:
    case StepKind::kPrefetch: return false;
  }
  return false;
}

bool DoesRead(const Step& step, const Columns& columns) {
  const Columns reads = step.Reads();
  return !step.branches.empty() || std::find_first_of(reads.begin(), reads.end(), columns.begin(),
                                                      columns.end()) != reads.end();
}

/// Who reads the output of the stage at `index`, if that is one stage and it reads nothing else.
std::optional<size_t> OnlyReader(const LogicalPlan& plan, size_t index) {
  const Port port{static_cast<int32_t>(index), 0};
  if (plan.NumConsumers(port) != 1) return std::nullopt;
  for (size_t i = index + 1; i < plan.stages.size(); ++i) {
    const std::vector<Port>& inputs = plan.stages[i].inputs;
    if (inputs.size() == 1 && inputs.front() == port) return i;
  }
  return std::nullopt;
}

/// The stages that the lookup at `index` should pass, the nearest first.
std::vector<size_t> StagesToPass(const LogicalPlan& plan, size_t index) {
  const Step& lookup = plan.stages[index].steps.front();
  const Columns defines = lookup.Defines();
  std::vector<size_t> passed;
  size_t num_worth = 0;
  for (std::optional<size_t> at = OnlyReader(plan, index); at; at = OnlyReader(plan, *at)) {
    const Stage& next = plan.stages[*at];
    if (DoesRead(next.steps.front(), defines)) return passed;
    if (next.steps.size() != 1 || !CanPass(lookup, next.steps.front())) break;
    passed.push_back(*at);
    if (TakesOutRows(next.steps.front())) num_worth = passed.size();
  }
  passed.resize(num_worth);
  return passed;
}

/// Lets the lookup in `first` and the stage after it change places.
void Swap(Stage& first, Stage& second) {
  std::swap(first, second);
  std::swap(first.inputs, second.inputs);
  Step& lookup = second.steps.front();
  // What left the other leaves the lookup now, which needs its key from there and finds the rest.
  Columns& outputs = first.steps.front().outputs.front();
  lookup.outputs = {outputs};
  const Columns found = lookup.Defines();
  std::erase_if(outputs, [&](const std::string& column) {
    return std::find(found.begin(), found.end(), column) != found.end();
  });
  const std::string& key = lookup.arguments.front().second;
  if (std::find(outputs.begin(), outputs.end(), key) == outputs.end()) outputs.push_back(key);
}

}  // namespace

LogicalPlan LookupBesideConsumer(LogicalPlan plan) {
  // The last first: one lookup passes those that stand beside their readers already.
  for (size_t i = plan.stages.size(); i-- > 0;) {
    if (!IsMovable(plan.stages[i])) continue;
    size_t at = i;
    for (const size_t next : StagesToPass(plan, i)) {
      Swap(plan.stages[at], plan.stages[next]);
      at = next;
    }
  }
  return plan;
}

}  // namespace raceway::compiler
