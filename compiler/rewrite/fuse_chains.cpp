#include "compiler/rewrite/fuse_chains.h"

#include <cstdint>
#include <iterator>
#include <set>
#include <string>
#include <utility>

#include "compiler/rewrite/branches.h"

namespace raceway::compiler {
namespace {

bool CanFuse(const LogicalPlan& plan, const Stage& producer, const Stage& consumer) {
  return consumer.inputs.size() == 1 && producer.num_outputs() == 1 &&
         producer.device == consumer.device && plan.NumConsumers(consumer.inputs.front()) == 1 &&
         !IsKeptApart(producer.steps.back()) && !IsKeptApart(consumer.steps.front());
}

bool SaysFuse(const Step& step, bool wanted) {
  const Hint* hint = FindHint(step.hints, "fuse");
  return hint != nullptr && hint->value == engine::Value(wanted);
}

void NoteNotFused(const std::vector<Stage>& stages, std::set<int32_t>& noted,
                  dsl::Diagnostics& diagnostics) {
  for (const Stage& stage : stages) {
    for (const Step& step : stage.steps) {
      for (const Branch& branch : step.branches) NoteNotFused(branch.stages, noted, diagnostics);
    }
    const Step& step = stage.steps.front();
    if (stage.steps.size() > 1 || !SaysFuse(step, true)) continue;
    const Hint& hint = *FindHint(step.hints, "fuse");
    // Of a whole flow or file it is said for the steps that can.
    if (hint.origin != HintOrigin::kStep && hint.origin != HintOrigin::kCommandLine) continue;
    const dsl::SourceRange where = hint.said.empty() ? hint.where : step.where;
    if (!noted.insert(where.begin).second) continue;
    diagnostics.Add(dsl::DiagnosticKind::kHintNotHonoured, where,
                    "`" + (hint.said.empty() ? "fuse: true" : hint.said) + "` is not honoured: `" +
                        step.label + "` has no neighbour to be fused with; results are the same");
  }
}

}  // namespace

bool IsKeptApart(const Step& step) { return SaysFuse(step, false); }

void NoteNotFused(const LogicalPlan& plan, dsl::Diagnostics& diagnostics) {
  std::set<int32_t> noted;  // the body of a flow is there once for each application
  NoteNotFused(plan.stages, noted, diagnostics);
}

LogicalPlan FuseChains(LogicalPlan plan) {
  plan = InBranches(std::move(plan), &FuseChains);
  std::vector<std::optional<Port>> instead(plan.stages.size());
  for (size_t i = 0; i < plan.stages.size(); ++i) {
    Stage& consumer = plan.stages[i];
    if (consumer.inputs.size() != 1 || consumer.inputs.front().stage < 0) continue;
    // The producer may itself have been fused into an earlier stage.
    Port from = consumer.inputs.front();
    while (instead[static_cast<size_t>(from.stage)]) {
      from = *instead[static_cast<size_t>(from.stage)];
    }
    Stage& producer = plan.stages[static_cast<size_t>(from.stage)];
    if (!CanFuse(plan, producer, consumer)) continue;
    std::move(consumer.steps.begin(), consumer.steps.end(), std::back_inserter(producer.steps));
    consumer.steps = {producer.steps.back()};  // still answers for its outputs until removed
    instead[i] = Port{from.stage, 0};
  }
  return RemoveStages(std::move(plan), instead);
}

}  // namespace raceway::compiler
