#include "engine/plan/physical_plan.h"

#include <utility>

namespace raceway::engine {
namespace {

using Names = std::vector<std::string>;

// The name of a port where people read it: "photos", "decode", "gate[1]". `inputs` are stage -1.
std::string PortText(const Names& inputs, const std::vector<StageSpec>& stages, Port port) {
  if (port.stage < 0) return inputs[static_cast<size_t>(port.output)];
  const StageSpec& stage = stages[static_cast<size_t>(port.stage)];
  if (stage.outputs().size() == 1) return stage.name;
  return stage.name + "[" + std::to_string(port.output) + "]";
}

template <typename Pairs>
std::string PairsText(const Pairs& pairs, std::string_view between) {
  std::string text;
  for (const auto& [left, right] : pairs) {
    if (!text.empty()) text += ", ";
    text += left;
    text += between;
    text += right;
  }
  return text;
}

void AppendStage(const std::string& indent, const Names& inputs,
                 const std::vector<StageSpec>& stages, const StageSpec& stage, std::string& text);

void AppendBranches(const std::string& indent, const StepSpec& step, std::string& text) {
  const Names input = {"the rows of this step"};
  for (const BranchSpec& branch : step.branches) {
    text += indent + "branch " + branch.name + "\n";
    for (const StageSpec& stage : branch.stages) {
      AppendStage(indent + "  ", input, branch.stages, stage, text);
    }
    text += indent + "  output " + PortText(input, branch.stages, branch.output);
    if (!branch.accept.empty()) text += ", accepted where " + branch.accept;
    text += "\n";
  }
}

// "    hint batch.max = 32 (step, cascade.flow:12:5)"
void AppendHints(const std::vector<HintSpec>& hints, std::string_view before, std::string& text) {
  for (const HintSpec& hint : hints) {
    text += std::string(before) + " " + hint.name + " = " + hint.text + " (" + hint.origin + ", " +
            hint.where + ")\n";
  }
}

// What the step computes, one line for each thing.
void AppendWork(const std::string& indent, const StepSpec& step, std::string& text) {
  std::string call = step.op;
  if (!step.arguments.empty()) call += "(" + PairsText(step.arguments, ": ") + ")";
  if (!step.results.empty()) call += " -> (" + PairsText(step.results, ": ") + ")";
  if (!step.options.empty()) call += " " + ToString(Value(step.options));
  if (call != step.op) text += indent + call + "\n";  // else the label says as much
  if (step.unread.size() > 0) text += indent + "unread " + ToString(step.unread) + "\n";
  for (const auto& [name, expression] : step.expressions) {
    text += indent + name + " = " + ToString(expression) + "\n";
  }
  for (const auto& [column, from] : step.sources) {
    text += indent + column + " from ";
    for (size_t i = 0; i < from.size(); ++i) {
      text += (i > 0 ? " | " : "") + (from[i].empty() ? "nothing" : from[i]);
    }
    text += "\n";
  }
  AppendBranches(indent, step, text);
}

void AppendStage(const std::string& indent, const Names& inputs,
                 const std::vector<StageSpec>& stages, const StageSpec& stage, std::string& text) {
  text += indent + "stage " + stage.name + " on " + stage.device;
  if (stage.own_task) text += ", own task";
  text += "\n" + indent + "  reads ";
  for (size_t i = 0; i < stage.inputs.size(); ++i) {
    text += (i > 0 ? ", " : "") + PortText(inputs, stages, stage.inputs[i]);
  }
  text += "\n";
  for (const StepSpec& step : stage.steps) {
    text += indent + "  " + step.label + "\n";
    AppendWork(indent + "    ", step, text);
    AppendHints(step.hints, indent + "    hint", text);
    for (size_t i = 0; i < step.outputs.size(); ++i) {
      const std::string index = step.outputs.size() > 1 ? "[" + std::to_string(i) + "] " : "";
      text += indent + "    => " + index + ToString(step.outputs[i]) + "\n";
    }
  }
}

}  // namespace

const Type* StepSpec::TypeOf(std::string_view column) const {
  for (const Schema& output : outputs) {
    if (const Field* field = output.Find(column)) return &field->type;
  }
  const Field* field = unread.Find(column);
  return field == nullptr ? nullptr : &field->type;
}

const Schema& PhysicalPlan::SchemaOf(Port port) const {
  const auto output = static_cast<size_t>(port.output);
  if (port.stage < 0) return inputs[output].schema;
  return stages[static_cast<size_t>(port.stage)].outputs()[output];
}

Schema InputSpec::CallerSchema() const {
  if (caller_names.empty()) return schema;
  std::vector<Field> fields;
  for (size_t i = 0; i < schema.size(); ++i) fields.push_back({caller_names[i], schema[i].type});
  return Schema(std::move(fields));
}

Schema PhysicalPlan::ResultSchema(const ResultSpec& result) const {
  const Schema& columns = SchemaOf(result.output);
  std::vector<Field> fields;
  for (const auto& [name, column] : result.columns) {
    const Field* field = columns.Find(column);
    assert(field != nullptr);
    fields.push_back({name, field->type});
  }
  return Schema(std::move(fields));
}

std::string ToString(const PhysicalPlan& plan) {
  std::string text = "flow " + plan.flow + "\n";
  for (const InputSpec& input : plan.inputs) {
    text += "input " + input.name + " " + ToString(input.schema);
    if (!input.caller_names.empty()) text += ", sent as " + ToString(input.CallerSchema());
    text += "\n";
  }
  Names inputs;
  for (const InputSpec& input : plan.inputs) inputs.push_back(input.name);
  for (const StageSpec& stage : plan.stages) {
    text += "\n";
    AppendStage("", inputs, plan.stages, stage, text);
  }

  text += "\n";
  for (const ResultSpec& result : plan.results) {
    text += "output " + (result.name.empty() ? "" : result.name + " ") +
            PortText(inputs, plan.stages, result.output) + " (";
    for (size_t i = 0; i < result.columns.size(); ++i) {
      const auto& [name, column] = result.columns[i];
      text += (i > 0 ? ", " : "") + (name == column ? name : name + " = " + column);
    }
    text += ")\n";
  }
  AppendHints(plan.slo, "slo", text);
  for (const FileSpec& file : plan.sources) {
    text += "imported " + file.path + " " + std::to_string(file.num_bytes) + " bytes, sha256 " +
            file.sha256.substr(0, 12) + "\n";
  }
  for (const FileSpec& file : plan.files) {
    text += "file " + file.path;
    text += file.sha256.empty() ? ", not there\n"
                                : " " + std::to_string(file.num_bytes) + " bytes, sha256 " +
                                      file.sha256.substr(0, 12) + "\n";
  }
  return text;
}

}  // namespace raceway::engine
