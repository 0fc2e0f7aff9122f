#include "compiler/rewrite/dead_columns.h"

#include <algorithm>
#include <set>

#include "compiler/rewrite/can_fail.h"

namespace raceway::compiler {
namespace {

using Columns = std::vector<std::string>;
using Live = std::set<std::string>;

void KeepLive(Columns& columns, const Live& live) {
  std::erase_if(columns, [&](const std::string& column) { return !live.contains(column); });
}

/// A sum of durations may be too long for one.
bool CanFailToAggregate(const Step& step, const std::string& result) {
  if (step.kind != StepKind::kAgg) return false;
  const engine::Value options(step.options);
  const engine::Value* how = options.Find(result);
  return how != nullptr && *how->Find("function") == "sum";
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

/// What is read of where.
struct Wanted {
  Port* output;
  Live columns;
};

/// Narrows stages of a plan or branch to what is `wanted` of `output`. Returns what they read of
/// their input. Where it matters whether they fail (`keeps_errors`), what can fail stays.
Live NarrowStages(std::vector<Stage>& stages, const std::vector<Wanted>& wanted, bool keeps_errors);

/// Whether as many rows leave as come.
bool KeepsRows(const Branch& branch) {
  for (const Stage& stage : branch.stages) {
    for (const Step& step : stage.steps) {
      const bool keeps = step.kind == StepKind::kMap || step.kind == StepKind::kDerive ||
                         step.kind == StepKind::kSelect || step.kind == StepKind::kOmit;
      if (!keeps) return false;
    }
  }
  return true;
}

/// Whether a row that fails goes on otherwise than one that does not.
bool HasOtherRows(const Step& guard) {
  return guard.branches.size() > 1 && (!guard.sources.empty() || !KeepsRows(guard.branches[1]));
}

/// Narrows the branches of `step` to what is read of its output. Returns what they read.
Live NarrowBranches(Step& step, bool keeps_errors) {
  Live reads;
  const bool drops = engine::Value(step.options).Find("on_error") != nullptr;
  for (size_t i = 0; i < step.branches.size(); ++i) {
    Live wanted(step.outputs.front().begin(), step.outputs.front().end());
    for (const auto& [column, from] : step.sources) {
      wanted.erase(column);
      wanted.insert(from[i]);
    }
    Branch& branch = step.branches[i];
    if (!branch.accept.empty()) wanted.insert(branch.accept);
    const bool is_guarded = step.kind == StepKind::kGuard && i == 0;
    const bool failing_counts = keeps_errors || step.kind == StepKind::kAnyof ||
                                (is_guarded && (drops || HasOtherRows(step)));
    reads.merge(NarrowStages(branch.stages, {{&branch.output, wanted}}, failing_counts));
  }
  return reads;
}

/// Narrows `step` to what is read of each of its outputs. Returns what it reads itself.
Live Narrow(Step& step, std::vector<Live> read, bool keeps_errors) {
  Live live;
  if (keeps_errors) {
    for (const engine::NamedExpression& named : step.expressions) {
      if (CanFail(named.expression)) read.front().insert(named.name);
    }
    for (const auto& [name, column] : step.results) {
      if (CanFailToAggregate(step, name)) read.front().insert(column);
    }
  }
  for (size_t i = 0; i < step.outputs.size(); ++i) {
    KeepLive(step.outputs[i], read[i]);
    live.insert(step.outputs[i].begin(), step.outputs[i].end());
  }
  if (step.kind == StepKind::kDerive || step.kind == StepKind::kSelect) {
    std::erase_if(step.expressions, [&](const auto& named) { return !live.contains(named.name); });
  }
  if (step.kind == StepKind::kAgg) NarrowAggregates(step, live);
  if (step.kind == StepKind::kDrop || step.kind == StepKind::kJoin ||
      step.kind == StepKind::kAnyof || step.kind == StepKind::kLookup) {
    std::erase_if(step.results, [&](const auto& result) { return !live.contains(result.second); });
  }
  std::erase_if(step.sources, [&](const auto& source) { return !live.contains(source.first); });
  if (!step.branches.empty()) return NarrowBranches(step, keeps_errors);
  for (const std::string& column : step.Defines()) live.erase(column);
  const Columns reads = step.Reads();
  live.insert(reads.begin(), reads.end());
  return live;
}

/// Whether the rows leave as they came, but for columns nobody reads any more.
bool DoesNothing(const Step& step, const Live& read, bool keeps_errors) {
  switch (step.kind) {
    case StepKind::kSelect:
    case StepKind::kOmit:
    case StepKind::kDerive: return step.expressions.empty();
    case StepKind::kMap:
      return !keeps_errors &&
             std::none_of(step.results.begin(), step.results.end(),
                          [&](const auto& result) { return read.contains(result.second); });
    case StepKind::kGuard: return step.sources.empty() && step.branches.front().stages.empty();
    case StepKind::kLookup:
      return !keeps_errors && step.results.empty() &&
             *engine::Value(step.options).Find("miss") != "drop";
    case StepKind::kFilter:
    case StepKind::kSplit:
    case StepKind::kUnion:
    case StepKind::kJoin:
    case StepKind::kSort:
    case StepKind::kLimit:
    case StepKind::kExplode:
    case StepKind::kAgg:
    case StepKind::kFail:
    case StepKind::kDrop:
    case StepKind::kAnyof:
    case StepKind::kPrefetch: return false;
  }
  return false;
}

Live NarrowStages(std::vector<Stage>& stages, const std::vector<Wanted>& wanted,
                  bool keeps_errors) {
  // What is read of each output of each stage; filled by its readers, which come after it.
  std::vector<std::vector<Live>> read;
  read.reserve(stages.size());
  for (const Stage& stage : stages) read.emplace_back(stage.num_outputs());
  Live input;
  const auto read_at = [&](Port port) -> Live& {
    if (port.stage < 0) return input;
    return read[static_cast<size_t>(port.stage)][static_cast<size_t>(port.output)];
  };
  std::vector<Port*> outputs;
  for (const auto& [output, columns] : wanted) {
    read_at(*output).insert(columns.begin(), columns.end());
    outputs.push_back(output);
  }

  std::vector<std::optional<Port>> instead(stages.size());
  for (size_t i = stages.size(); i-- > 0;) {
    Stage& stage = stages[i];
    std::vector<Live> live = read[i];
    std::vector<Step> kept;
    for (auto step = stage.steps.rbegin(); step != stage.steps.rend(); ++step) {
      const Live unchanged = live.front();
      const Live needs = Narrow(*step, live, keeps_errors);
      const bool is_needed = !DoesNothing(*step, unchanged, keeps_errors);
      live = {is_needed ? needs : unchanged};
      if (is_needed) kept.push_back(std::move(*step));
    }
    std::reverse(kept.begin(), kept.end());
    for (const Port from : stage.inputs) {
      read_at(from).insert(live.front().begin(), live.front().end());
    }
    if (kept.empty()) instead[i] = stage.inputs.front();
    stage.steps = std::move(kept);
  }
  RemoveStages(stages, outputs, instead);
  return input;
}

}  // namespace

LogicalPlan DeadColumns(LogicalPlan plan) {
  std::vector<Wanted> wanted;
  for (PlanResult& result : plan.results) {
    wanted.push_back({&result.output, {}});
    for (const auto& [name, column] : result.columns) wanted.back().columns.insert(column);
  }
  NarrowStages(plan.stages, wanted, false);
  return plan;
}

}  // namespace raceway::compiler
