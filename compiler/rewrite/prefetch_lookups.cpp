#include "compiler/rewrite/prefetch_lookups.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace raceway::compiler {
namespace {

using Columns = std::vector<std::string>;

bool Has(const Columns& columns, const std::string& column) {
  return std::find(columns.begin(), columns.end(), column) != columns.end();
}

/// Whether each row that comes leaves as one row.
bool KeepsRows(const Step& step) {
  switch (step.kind) {
    case StepKind::kMap:
    case StepKind::kDerive:
    case StepKind::kSelect:
    case StepKind::kOmit:
    case StepKind::kPrefetch:
    case StepKind::kSort: return true;
    case StepKind::kLookup: return *engine::Value(step.options).Find("miss") != "drop";
    case StepKind::kFilter:
    case StepKind::kSplit:
    case StepKind::kUnion:
    case StepKind::kJoin:
    case StepKind::kLimit:
    case StepKind::kExplode:
    case StepKind::kAgg:
    case StepKind::kFail:
    case StepKind::kDrop:
    case StepKind::kGuard:
    case StepKind::kAnyof: return false;
  }
  return false;
}

bool IsOnDisk(const Step& step) {
  return step.kind == StepKind::kLookup && step.function.native == "rocksdb";
}

/// The port above which the keys of the lookup at `index` are not there yet; none where nothing
/// worth waiting for lies between it and the lookup.
std::optional<Port> WhereKeysAre(const LogicalPlan& plan, size_t index) {
  const std::string& key = plan.stages[index].steps.front().arguments.front().second;
  Port port = plan.stages[index].inputs.front();
  bool is_worth = false;
  while (port.stage >= 0 && plan.NumConsumers(port) == 1) {
    const Stage& stage = plan.stages[static_cast<size_t>(port.stage)];
    const Step& step = stage.steps.front();
    if (stage.steps.size() != 1 || stage.inputs.size() != 1 || !KeepsRows(step) ||
        !Has(plan.ColumnsOf(stage.inputs.front()), key)) {
      break;
    }
    is_worth |= step.kind == StepKind::kMap;
    port = stage.inputs.front();
  }
  return is_worth ? std::optional(port) : std::nullopt;
}

Stage PrefetchOf(const LogicalPlan& plan, const Step& lookup, Port port, std::string name) {
  Step step;
  step.kind = StepKind::kPrefetch;
  step.where = lookup.where;
  step.label = "prefetch(" + lookup.function.name + ")";
  step.function = lookup.function;
  step.arguments = lookup.arguments;
  step.options = lookup.options;
  std::erase_if(step.options, [](const auto& option) { return option.first == "miss"; });
  step.outputs = {plan.ColumnsOf(port)};
  Stage stage;
  stage.name = std::move(name);
  stage.inputs = {port};
  stage.steps.push_back(std::move(step));
  return stage;
}

std::string NewName(const std::vector<Stage>& stages) {
  std::set<std::string> names;
  for (const Stage& stage : stages) names.insert(stage.name);
  std::string name = "prefetch";
  for (int i = 2; names.contains(name); ++i) name = "prefetch." + std::to_string(i);
  return name;
}

/// The one stage that reads `port` on the way to the stage at `index`.
size_t ReaderOf(const LogicalPlan& plan, Port port, size_t index) {
  while (plan.stages[index].inputs.front() != port) {
    index = static_cast<size_t>(plan.stages[index].inputs.front().stage);
  }
  return index;
}

/// Puts `stage` in front of the stage at `reader`, which reads it from now on.
void Insert(LogicalPlan& plan, size_t reader, Stage stage) {
  const auto moved = [&](Port& port) {
    if (port.stage >= static_cast<int32_t>(reader)) ++port.stage;
  };
  for (Stage& other : plan.stages) {
    for (Port& input : other.inputs) moved(input);
  }
  for (Port* output : plan.Outputs()) moved(*output);
  plan.stages[reader].inputs = {{static_cast<int32_t>(reader), 0}};
  plan.stages.insert(plan.stages.begin() + static_cast<ptrdiff_t>(reader), std::move(stage));
}

}  // namespace

LogicalPlan PrefetchLookups(LogicalPlan plan) {
  for (size_t i = 0; i < plan.stages.size(); ++i) {
    if (plan.stages[i].steps.size() != 1 || !IsOnDisk(plan.stages[i].steps.front())) continue;
    const std::optional<Port> port = WhereKeysAre(plan, i);
    if (!port) continue;
    const size_t reader = ReaderOf(plan, *port, i);
    Insert(plan, reader,
           PrefetchOf(plan, plan.stages[i].steps.front(), *port, NewName(plan.stages)));
    ++i;  // the lookup is one further down now
  }
  return plan;
}

}  // namespace raceway::compiler
