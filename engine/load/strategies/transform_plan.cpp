#include "engine/load/strategies/transform_plan.h"

#include <map>
#include <set>

namespace raceway::engine::load {
namespace {

double Forecast(const TransformPlan& plan, const TransformModel& wanted,
                const TransformCosts& costs) {
  double seconds = plan.keeps_module ? 0 : costs.structure;
  for (size_t i = 0; i < wanted.blocks.size(); ++i) {
    const auto size = static_cast<double>(wanted.blocks[i].size);
    if (plan.is_kept[i]) {
      seconds += size / costs.check;
    } else {
      seconds += size / costs.read + size / (plan.from[i] < 0 ? costs.touch : costs.copy);
    }
  }
  return seconds;
}

bool IsSame(const TransformBlock& a, const TransformBlock& b) {
  return a.content >= 0 && a.content == b.content && a.size == b.size;
}

/// Block by block.
void PlanSwap(const TransformModel& resident, const TransformModel& wanted, TransformPlan& plan) {
  for (size_t i = 0; i < wanted.blocks.size(); ++i) {
    if (!IsSame(resident.blocks[i], wanted.blocks[i])) continue;
    plan.from[i] = static_cast<int32_t>(i);
    plan.is_kept[i] = true;
  }
}

void PlanReuse(const TransformModel& resident, const TransformModel& wanted, TransformPlan& plan) {
  std::multimap<int64_t, int32_t> by_content;
  std::set<std::pair<uint64_t, int32_t>> by_size;  // free ones
  for (size_t i = 0; i < resident.blocks.size(); ++i) {
    const TransformBlock& block = resident.blocks[i];
    if (block.content >= 0) by_content.emplace(block.content, static_cast<int32_t>(i));
    by_size.emplace(block.size, static_cast<int32_t>(i));
  }
  for (size_t i = 0; i < wanted.blocks.size(); ++i) {
    const auto same = by_content.find(wanted.blocks[i].content);
    if (same == by_content.end()) continue;
    plan.from[i] = same->second;
    plan.is_kept[i] = true;
    by_size.erase({resident.blocks[static_cast<size_t>(same->second)].size, same->second});
    by_content.erase(same);
  }
  for (size_t i = 0; i < wanted.blocks.size(); ++i) {
    if (plan.is_kept[i]) continue;
    const auto free = by_size.lower_bound({wanted.blocks[i].size, 0});
    if (free == by_size.end() || free->first != wanted.blocks[i].size) continue;
    plan.from[i] = free->second;
    by_size.erase(free);
  }
}

TransformPlan Nothing(const TransformModel& wanted) {
  TransformPlan plan;
  plan.from.assign(wanted.blocks.size(), -1);
  plan.is_kept.assign(wanted.blocks.size(), false);
  return plan;
}

}  // namespace

TransformPlan PlanCold(const TransformModel& wanted, const TransformCosts& costs) {
  TransformPlan plan = Nothing(wanted);
  plan.seconds = Forecast(plan, wanted, costs);
  return plan;
}

TransformPlan PlanTransform(const TransformModel& resident, const TransformModel& wanted,
                            const TransformCosts& costs) {
  TransformPlan plan = Nothing(wanted);
  plan.keeps_module = resident.is_pure && resident.structure == wanted.structure &&
                      resident.blocks.size() == wanted.blocks.size();
  if (plan.keeps_module) {
    PlanSwap(resident, wanted, plan);
  } else {
    PlanReuse(resident, wanted, plan);
  }
  plan.seconds = Forecast(plan, wanted, costs);
  return plan;
}

}  // namespace raceway::engine::load
