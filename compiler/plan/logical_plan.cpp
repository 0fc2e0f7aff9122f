#include "compiler/plan/logical_plan.h"

#include <algorithm>
#include <iterator>

namespace raceway::compiler {

std::string_view NameOf(StepKind kind) {
  switch (kind) {
    case StepKind::kMap: return "map";
    case StepKind::kDerive: return "derive";
    case StepKind::kSelect: return "select";
    case StepKind::kOmit: return "omit";
    case StepKind::kFilter: return "filter";
    case StepKind::kSplit: return "split";
    case StepKind::kUnion: return "union";
    case StepKind::kJoin: return "join";
    case StepKind::kSort: return "sort";
    case StepKind::kLimit: return "limit";
    case StepKind::kExplode: return "explode";
    case StepKind::kAgg: return "agg";
    case StepKind::kFail: return "fail";
    case StepKind::kDrop: return "drop";
    case StepKind::kGuard: return "guard";
    case StepKind::kAnyof: return "anyof";
    case StepKind::kLookup: return "lookup";
    case StepKind::kPrefetch: return "prefetch";
  }
  return "?";
}

bool operator==(const FunctionSpec& a, const FunctionSpec& b) {
  return a.kind == b.kind && a.native == b.native && a.source == b.source &&
         a.source_range == b.source_range && a.device == b.device && a.settings == b.settings &&
         a.files == b.files;
}

std::vector<std::string> Step::Defines() const {
  std::vector<std::string> columns;
  for (const auto& [result, column] : results) columns.push_back(column);
  for (const auto& [column, from] : sources) columns.push_back(column);
  if (kind == StepKind::kDerive || kind == StepKind::kSelect) {
    for (const engine::NamedExpression& named : expressions) columns.push_back(named.name);
  }
  return columns;
}

std::vector<std::string> Step::Reads() const {
  std::vector<std::string> columns;
  for (const auto& [parameter, column] : arguments) columns.push_back(column);
  for (const engine::NamedExpression& named : expressions) {
    engine::CollectColumns(named.expression, columns);
  }
  if (kind == StepKind::kJoin) {
    for (const auto& [from, column] : results) columns.push_back(from);
  }
  for (const auto& [column, from] : sources) {
    if (!branches.empty()) continue;
    std::copy_if(from.begin(), from.end(), std::back_inserter(columns),
                 [](const std::string& source) { return !source.empty(); });
  }
  return columns;
}

const std::vector<std::string>& Branch::Columns(const std::vector<std::string>& input) const {
  if (output.stage < 0) return input;
  return stages[static_cast<size_t>(output.stage)].steps.back().outputs[static_cast<size_t>(
      output.output)];
}

const std::vector<std::string>& LogicalPlan::ColumnsOf(Port port) const {
  if (port.stage < 0) return inputs[static_cast<size_t>(port.output)].columns;
  return stages[static_cast<size_t>(port.stage)].steps.back().outputs[static_cast<size_t>(
      port.output)];
}

std::vector<Port*> LogicalPlan::Outputs() {
  std::vector<Port*> outputs;
  for (PlanResult& result : results) outputs.push_back(&result.output);
  return outputs;
}

int LogicalPlan::NumConsumers(Port port) const {
  int count = 0;
  for (const PlanResult& result : results) count += result.output == port ? 1 : 0;
  for (const Stage& stage : stages) {
    count += static_cast<int>(std::count(stage.inputs.begin(), stage.inputs.end(), port));
  }
  return count;
}

LogicalPlan RemoveStages(LogicalPlan plan, const std::vector<std::optional<Port>>& instead) {
  RemoveStages(plan.stages, plan.Outputs(), instead);
  return plan;
}

void RemoveStages(std::vector<Stage>& stages, const std::vector<Port*>& outputs,
                  const std::vector<std::optional<Port>>& instead) {
  std::vector<int32_t> moved(stages.size(), -1);
  int32_t num_kept = 0;
  for (size_t i = 0; i < stages.size(); ++i) {
    if (!instead[i]) moved[i] = num_kept++;
  }
  const auto resolve = [&](Port port) {
    while (port.stage >= 0 && instead[static_cast<size_t>(port.stage)]) {
      const Port& other = *instead[static_cast<size_t>(port.stage)];
      port = {other.stage, other.output + port.output};
    }
    if (port.stage >= 0) port.stage = moved[static_cast<size_t>(port.stage)];
    return port;
  };
  std::vector<Stage> kept;
  for (size_t i = 0; i < stages.size(); ++i) {
    if (instead[i]) continue;
    for (Port& input : stages[i].inputs) input = resolve(input);
    kept.push_back(std::move(stages[i]));
  }
  for (Port* output : outputs) *output = resolve(*output);
  stages = std::move(kept);
}

void RemoveUnread(std::vector<Stage>& stages, const std::vector<Port*>& outputs) {
  std::vector<std::optional<Port>> instead(stages.size());
  std::vector<bool> is_read(stages.size(), false);
  for (const Port* output : outputs) {
    if (output->stage >= 0) is_read[static_cast<size_t>(output->stage)] = true;
  }
  for (size_t i = stages.size(); i-- > 0;) {
    if (!is_read[i]) {
      instead[i] = stages[i].inputs.front();
      continue;
    }
    for (const Port input : stages[i].inputs) {
      if (input.stage >= 0) is_read[static_cast<size_t>(input.stage)] = true;
    }
  }
  RemoveStages(stages, outputs, instead);
}

}  // namespace raceway::compiler
