#include "compiler/rewrite/fuse_chains.h"

#include <iterator>
#include <utility>

#include "compiler/rewrite/branches.h"

namespace raceway::compiler {
namespace {

bool CanFuse(const LogicalPlan& plan, const Stage& producer, const Stage& consumer) {
  return consumer.inputs.size() == 1 && producer.num_outputs() == 1 &&
         producer.device == consumer.device && plan.NumConsumers(consumer.inputs.front()) == 1;
}

}  // namespace

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
