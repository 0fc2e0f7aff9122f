#include "compiler/rewrite/dead_columns.h"

#include <algorithm>
#include <set>

namespace raceway::compiler {
namespace {

using Columns = std::vector<std::string>;
using Live = std::set<std::string>;

void KeepLive(Columns& columns, const Live& live) {
  std::erase_if(columns, [&](const std::string& column) { return !live.contains(column); });
}

/// An aggregate that nobody reads is not computed, nor its column kept for it.
void NarrowAggregates(Step& step, const Live& live) {
  std::vector<std::string> dead;
  for (const auto& [name, column] : step.results) {
    if (!live.contains(column)) dead.push_back(name);
  }
  const auto is_dead = [&](const auto& entry) {
    return std::find(dead.begin(), dead.end(), entry.first) != dead.end();
  };
  std::erase_if(step.results, is_dead);
  std::erase_if(step.arguments, is_dead);
  std::erase_if(step.options, is_dead);
}

/// Narrows `step` to what is read of each of its outputs. Returns what it reads itself.
Live Narrow(Step& step, const std::vector<Live>& read) {
  Live live;
  for (size_t i = 0; i < step.outputs.size(); ++i) {
    KeepLive(step.outputs[i], read[i]);
    live.insert(step.outputs[i].begin(), step.outputs[i].end());
  }
  if (step.kind == StepKind::kDerive || step.kind == StepKind::kSelect) {
    std::erase_if(step.expressions, [&](const auto& named) { return !live.contains(named.name); });
  }
  if (step.kind == StepKind::kAgg) NarrowAggregates(step, live);
  if (step.kind == StepKind::kDrop || step.kind == StepKind::kJoin) {
    std::erase_if(step.results, [&](const auto& result) { return !live.contains(result.second); });
  }
  std::erase_if(step.sources, [&](const auto& source) { return !live.contains(source.first); });
  for (const std::string& column : step.Defines()) live.erase(column);
  const Columns reads = step.Reads();
  live.insert(reads.begin(), reads.end());
  return live;
}

/// Whether the rows leave as they came, but for columns nobody reads any more.
bool DoesNothing(const Step& step, const Live& read) {
  switch (step.kind) {
    case StepKind::kSelect:
    case StepKind::kOmit:
    case StepKind::kDerive: return step.expressions.empty();
    case StepKind::kMap:
      return std::none_of(step.results.begin(), step.results.end(),
                          [&](const auto& result) { return read.contains(result.second); });
    case StepKind::kFilter:
    case StepKind::kSplit:
    case StepKind::kUnion:
    case StepKind::kJoin:
    case StepKind::kSort:
    case StepKind::kLimit:
    case StepKind::kExplode:
    case StepKind::kAgg:
    case StepKind::kFail:
    case StepKind::kDrop: return false;
  }
  return false;
}

}  // namespace

LogicalPlan DeadColumns(LogicalPlan plan) {
  // What is read of each output of each stage; filled by its readers, which come after it.
  std::vector<std::vector<Live>> read;
  for (const Stage& stage : plan.stages) read.emplace_back(stage.num_outputs());
  const auto read_at = [&](Port port) -> Live* {
    if (port.stage < 0) return nullptr;
    return &read[static_cast<size_t>(port.stage)][static_cast<size_t>(port.output)];
  };
  if (Live* live = read_at(plan.output)) {
    for (const auto& [name, column] : plan.result) live->insert(column);
  }

  std::vector<std::optional<Port>> instead(plan.stages.size());
  for (size_t i = plan.stages.size(); i-- > 0;) {
    Stage& stage = plan.stages[i];
    std::vector<Live> wanted = read[i];
    std::vector<Step> kept;
    for (auto step = stage.steps.rbegin(); step != stage.steps.rend(); ++step) {
      const Live unchanged = wanted.front();
      const Live needs = Narrow(*step, wanted);
      const bool is_needed = !DoesNothing(*step, unchanged);
      wanted = {is_needed ? needs : unchanged};
      if (is_needed) kept.push_back(std::move(*step));
    }
    std::reverse(kept.begin(), kept.end());
    for (const Port input : stage.inputs) {
      if (Live* live = read_at(input)) live->insert(wanted.front().begin(), wanted.front().end());
    }
    if (kept.empty()) instead[i] = stage.inputs.front();
    stage.steps = std::move(kept);
  }
  return RemoveStages(std::move(plan), instead);
}

}  // namespace raceway::compiler
