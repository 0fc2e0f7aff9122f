#include "compiler/plan/explain.h"

#include <algorithm>
#include <chrono>
#include <span>
#include <string_view>

#include "compiler/plan/infix.h"
#include "engine/duration.h"

namespace raceway::compiler {
namespace {

std::string Typed(const LogicalPlan& plan, const std::string& column) {
  const auto found = plan.columns.find(column);
  return column + ": " + (found == plan.columns.end() ? "?" : ToString(found->second));
}

std::string Join(std::span<const std::string> parts, std::string_view between = ", ") {
  std::string text;
  for (const std::string& part : parts) {
    if (!text.empty()) text += between;
    text += part;
  }
  return text;
}

using Names = std::vector<std::string>;

/// `inputs` are the outputs of stage -1.
std::string PortName(const Names& inputs, const std::vector<Stage>& stages, Port port) {
  if (port.stage < 0) return inputs[static_cast<size_t>(port.output)];
  // A broken plan is shown too: that is how one sees what broke it.
  if (static_cast<size_t>(port.stage) >= stages.size()) return "?";
  const Stage& stage = stages[static_cast<size_t>(port.stage)];
  if (stage.steps.empty() || stage.num_outputs() == 1) return stage.name;
  if (stage.num_outputs() == 2) return stage.name + (port.output == 0 ? ".true" : ".false");
  if (port.output + 1 == static_cast<int32_t>(stage.num_outputs())) return stage.name + ".else";
  return stage.name + "." + std::to_string(port.output + 1);
}

/// `px = image` style: what goes in, `->`, what comes out.
std::string MapText(const LogicalPlan& plan, const Step& step) {
  std::vector<std::string> in;
  for (const auto& [parameter, column] : step.arguments) {
    in.push_back(parameter == column ? column : parameter + ": " + column);
  }
  std::vector<std::string> out;
  for (const auto& [result, column] : step.results) out.push_back(Typed(plan, column));
  return step.label + " " + Join(in) + " -> " + Join(out);
}

/// "agg cam -> n: i64 = count(), conf: f32 = mean(score)"
std::string AggText(const LogicalPlan& plan, const Step& step) {
  std::vector<std::string> keys;
  for (const auto& [name, column] : step.arguments) {
    if (name.empty()) keys.push_back(column);
  }
  std::vector<std::string> results;
  for (const auto& [name, column] : step.results) {
    const engine::Value how = *engine::Value(step.options).Find(name);
    std::vector<std::string> args;
    for (const auto& [result, of] : step.arguments) {
      if (result == name) args.push_back(of);
    }
    if (const engine::Value* count = how.Find("count")) args.push_back(ToString(*count));
    results.push_back(Typed(plan, column) + " = " + *how.Find("function")->AsString() + "(" +
                      Join(args) + ")");
  }
  return "agg " + Join(keys) + " -> " + Join(results);
}

/// "sort cam, descending score"
std::string SortText(const Step& step) {
  std::vector<std::string> keys;
  for (const auto& [order, key] : step.expressions) {
    keys.push_back((order == "descending" ? "descending " : "") + ToString(key));
  }
  return "sort " + Join(keys);
}

std::string ExplodeText(const LogicalPlan& plan, const Step& step) {
  std::vector<std::string> in;
  for (const auto& [name, column] : step.arguments) in.push_back(column);
  std::vector<std::string> out;
  for (const auto& [name, column] : step.results) out.push_back(Typed(plan, column));
  return "explode " + Join(in) + " -> " + Join(out);
}

/// "join user = user.2 -> taste.2: f32 = taste", "join by row", "left join …"
std::string JoinText(const LogicalPlan& plan, const Step& step) {
  const engine::Value options(step.options);
  const engine::Value* how = options.Find("how");
  std::string text = how == nullptr ? "join " : *how->AsString() + " join ";
  text += step.arguments.empty() ? "by row"
                                 : step.arguments[0].second + " = " + step.arguments[1].second;
  std::vector<std::string> results;
  for (const auto& [column, from] : step.sources) {
    const std::string between = from[0].empty() || from[1].empty() ? "" : " | ";
    results.push_back(Typed(plan, column) + " = " + from[0] + between + from[1]);
  }
  for (const auto& [from, column] : step.results) {
    results.push_back(Typed(plan, column) + " = " + from);
  }
  return results.empty() ? text : text + " -> " + Join(results);
}

/// "lookup(users) user -> taste: f32[512]?, miss: null"
std::string LookupText(const LogicalPlan& plan, const Step& step) {
  const engine::Value options(step.options);
  return MapText(plan, step) + ", miss: " + *options.Find("miss")->AsString();
}

/// "guard map(qa) rescue derive, within 900ms -> say.3: string = say | say.2"
std::string GuardText(const LogicalPlan& plan, const Step& step) {
  const engine::Value options(step.options);
  std::string text = std::string(NameOf(step.kind)) + " " + step.label;
  if (step.kind == StepKind::kAnyof) text = step.label;
  for (const char* limit : {"timeout", "within"}) {
    const engine::Value* value = options.Find(limit);
    if (value != nullptr && value->AsInt() != nullptr) {
      text += ", within " + engine::ToString(std::chrono::nanoseconds(*value->AsInt()));
    }
  }
  if (options.Find("on_error") != nullptr) text += ", failed rows are dropped";
  std::vector<std::string> out;
  for (const auto& [result, column] : step.results) {
    out.push_back(Typed(plan, column) + " = " + result);
  }
  for (const auto& [column, from] : step.sources) {
    out.push_back(Typed(plan, column) + " = " + Join(from, " | "));
  }
  return out.empty() ? text : text + " -> " + Join(out);
}

std::string StepText(const LogicalPlan& plan, const Step& step) {
  switch (step.kind) {
    case StepKind::kGuard:
    case StepKind::kAnyof: return GuardText(plan, step);
    case StepKind::kMap: return MapText(plan, step);
    case StepKind::kAgg: return AggText(plan, step);
    case StepKind::kJoin: return JoinText(plan, step);
    case StepKind::kLookup: return LookupText(plan, step);
    case StepKind::kPrefetch: return step.label + " key: " + step.arguments.front().second;
    case StepKind::kSort: return SortText(step);
    case StepKind::kExplode: return ExplodeText(plan, step);
    case StepKind::kLimit: return "limit " + ToString(step.options.front().second);
    default: break;
  }
  if (step.kind == StepKind::kFilter && IsSizeCheck(step.expressions.front().expression)) {
    return "check " + Infix(step.expressions.front().expression);
  }
  std::vector<std::string> parts;
  const std::string_view between = step.kind == StepKind::kSplit ? " | " : ", ";
  for (const engine::NamedExpression& named : step.expressions) {
    parts.push_back(named.name == "where" || step.kind == StepKind::kFail
                        ? ToString(named.expression)
                        : Typed(plan, named.name) + " = " + ToString(named.expression));
  }
  for (const auto& [column, from] : step.sources) {
    parts.push_back(Typed(plan, column) + " = " + Join(from, " | "));
  }
  std::string text(NameOf(step.kind));
  return parts.empty() ? text : text + " " + Join(parts, between);
}

/// Stages of the plan, or of a branch; `inputs` is what they call their inputs.
struct Scope {
  const LogicalPlan& plan;
  const std::vector<Stage>& stages;
  const Names& inputs;
  std::string indent;
};

std::string StageText(const Scope& scope, const Stage& stage);

std::string BranchesText(const Scope& scope, const Step& step) {
  static const Names kInputs = {"(rows)"};
  std::string text;
  for (const Branch& branch : step.branches) {
    const Scope inside{scope.plan, branch.stages, kInputs, scope.indent + "    "};
    text += scope.indent + "  " + branch.name + ":\n";
    for (const Stage& stage : branch.stages) text += StageText(inside, stage);
    text += inside.indent + "<- " + PortName(kInputs, branch.stages, branch.output);
    if (!branch.accept.empty()) text += " where " + branch.accept;
    text += "\n";
  }
  return text;
}

std::string StageText(const Scope& scope, const Stage& stage) {
  std::vector<std::string> inputs;
  for (const Port port : stage.inputs) inputs.push_back(PortName(scope.inputs, scope.stages, port));
  std::string text = scope.indent + stage.name + " <- " + Join(inputs);
  if (stage.device != "cpu") text += " on " + stage.device;
  text += "\n";
  for (const Step& step : stage.steps) {
    text += scope.indent + "  " + StepText(scope.plan, step) + "\n";
    for (const Hint& hint : step.hints) {
      text += scope.indent + "    hint " + hint.name + " = " + hint.text + " (" +
              std::string(NameOf(hint.origin)) + ")\n";
    }
    text += BranchesText(scope, step);
  }
  text += scope.indent;
  if (stage.steps.empty() || stage.steps.back().outputs.empty()) return text + "  => ?\n";
  const auto& outputs = stage.steps.back().outputs;
  text += "  => (" + Join(outputs.front()) + ")";
  // All parts of a split usually go on with the same columns.
  const auto is_first = [&](const auto& columns) { return columns == outputs.front(); };
  if (!std::all_of(outputs.begin(), outputs.end(), is_first)) {
    for (size_t i = 1; i < outputs.size(); ++i) text += " | (" + Join(outputs[i]) + ")";
  }
  return text + "\n";
}

}  // namespace

std::string Explain(const LogicalPlan& plan) {
  std::string text = "flow " + plan.flow + "\n";
  Names inputs;
  for (const PlanInput& input : plan.inputs) {
    std::vector<std::string> columns;
    for (const std::string& column : input.columns) columns.push_back(Typed(plan, column));
    text += input.name + "\n  => (" + Join(columns) + ")\n";
    inputs.push_back(input.name);
  }
  for (const Stage& stage : plan.stages) {
    text += StageText({plan, plan.stages, inputs, ""}, stage);
  }
  for (const PlanResult& result : plan.results) {
    std::vector<std::string> columns;
    for (const auto& [name, column] : result.columns) {
      columns.push_back(name == column ? name : name + " = " + column);
    }
    text += (result.name.empty() ? "result" : "result " + result.name) + " <- " +
            PortName(inputs, plan.stages, result.output) + "\n  (" + Join(columns) + ")\n";
  }
  return text;
}

}  // namespace raceway::compiler
