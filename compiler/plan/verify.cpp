#include "compiler/plan/verify.h"

#include <algorithm>
#include <set>

namespace raceway::compiler {
namespace {

using Columns = std::vector<std::string>;
using Problem = std::optional<std::string>;

bool Has(const Columns& columns, const std::string& column) {
  return std::find(columns.begin(), columns.end(), column) != columns.end();
}

class Verifier {
 public:
  explicit Verifier(const LogicalPlan& plan) : plan_(plan) {}

  Problem Run() {
    Scope scope{plan_.stages, {}, {}};
    for (const PlanInput& input : plan_.inputs) {
      scope.inputs.push_back(&input.columns);
      for (const std::string& column : input.columns) {
        if (Problem problem = Define(column)) return problem;
      }
    }
    for (const PlanResult& result : plan_.results) scope.outputs.push_back(result.output);
    if (Problem problem = CheckStages(scope)) return problem;
    for (const PlanResult& result : plan_.results) {
      for (const auto& [name, column] : result.columns) {
        if (!Has(plan_.ColumnsOf(result.output), column)) {
          return "result column " + column + " is lost";
        }
      }
    }
    return std::nullopt;
  }

 private:
  /// The stages of the plan or of a branch.
  struct Scope {
    const std::vector<Stage>& stages;
    std::vector<Port> outputs;
    std::vector<const Columns*> inputs;

    bool Has(Port port, size_t num_stages) const {
      if (port.stage < 0) {
        return port.stage == -1 && port.output >= 0 &&
               static_cast<size_t>(port.output) < inputs.size();
      }
      return static_cast<size_t>(port.stage) < num_stages && port.output >= 0 &&
             static_cast<size_t>(port.output) <
                 stages[static_cast<size_t>(port.stage)].num_outputs();
    }
    const Columns& ColumnsOf(Port port) const {
      if (port.stage < 0) return *inputs[static_cast<size_t>(port.output)];
      return stages[static_cast<size_t>(port.stage)].steps.back().outputs[static_cast<size_t>(
          port.output)];
    }
    bool IsRead(size_t index) const {
      const auto reads = [&](Port port) { return port.stage == static_cast<int32_t>(index); };
      return std::any_of(outputs.begin(), outputs.end(), reads) ||
             std::any_of(stages.begin(), stages.end(), [&](const Stage& stage) {
               return std::any_of(stage.inputs.begin(), stage.inputs.end(), reads);
             });
    }
  };

  Problem CheckStages(const Scope& scope) {
    for (size_t i = 0; i < scope.stages.size(); ++i) {
      if (Problem problem = CheckStage(scope, i)) {
        return "stage " + scope.stages[i].name + ": " + *problem;
      }
    }
    for (const Port output : scope.outputs) {
      if (!scope.Has(output, scope.stages.size())) return "the result is no stage's output";
    }
    for (size_t i = 0; i < scope.stages.size(); ++i) {
      if (!scope.IsRead(i)) return "nobody reads stage " + scope.stages[i].name;
    }
    return std::nullopt;
  }

  Problem Define(const std::string& column) {
    if (!defined_.insert(column).second) return "defines " + column + " a second time";
    if (!plan_.columns.contains(column)) return column + " has no type";
    return std::nullopt;
  }

  Problem CheckStage(const Scope& scope, size_t index) {
    const Stage& stage = scope.stages[index];
    if (stage.steps.empty()) return "has no step";
    if (stage.inputs.empty()) return "has no input";
    if (!names_.insert(stage.name).second) return "name used twice";
    for (const Port port : stage.inputs) {
      if (!scope.Has(port, index)) return "reads a stage that is not before it";
    }
    std::vector<Columns> inputs;
    for (const Port port : stage.inputs) inputs.push_back(scope.ColumnsOf(port));
    for (size_t i = 0; i < stage.steps.size(); ++i) {
      const Step& step = stage.steps[i];
      const bool is_last = i + 1 == stage.steps.size();
      const bool takes_several = step.kind == StepKind::kUnion || step.kind == StepKind::kJoin;
      if ((inputs.size() > 1) != takes_several) return "wrong number of inputs";
      if (step.kind == StepKind::kJoin && inputs.size() != 2) return "a join has two inputs";
      const size_t outputs = step.kind == StepKind::kSplit ? step.expressions.size() + 1 : 1;
      if (step.outputs.size() != outputs || (outputs > 1 && !is_last)) {
        return "wrong number of outputs";
      }
      if (Problem problem = CheckStep(step, inputs)) return step.label + ": " + *problem;
      inputs = {step.outputs.front()};
    }
    return std::nullopt;
  }

  Problem CheckStep(const Step& step, const std::vector<Columns>& inputs) {
    if (step.kind == StepKind::kUnion) {
      if (Problem problem = CheckUnion(step, inputs)) return problem;
    } else if (step.kind == StepKind::kJoin) {
      if (Problem problem = CheckJoin(step, inputs)) return problem;
    } else if (Problem problem = CheckReads(step, inputs.front())) {
      return problem;
    }
    std::vector<Columns> ends = inputs;
    if (step.kind == StepKind::kGuard || step.kind == StepKind::kAnyof) {
      ends.clear();
      if (Problem problem = CheckBranches(step, inputs.front(), ends)) return problem;
    }
    const Columns defines = step.Defines();
    for (const std::string& column : defines) {
      if (Problem problem = Define(column)) return problem;
    }
    for (const Columns& output : step.outputs) {
      if (std::set<std::string>(output.begin(), output.end()).size() != output.size()) {
        return "a column leaves twice";
      }
      for (const std::string& column : output) {
        const auto has = [&](const Columns& in) { return Has(in, column); };
        const bool carried = step.kind == StepKind::kJoin
                                 ? std::any_of(ends.begin(), ends.end(), has)
                                 : std::all_of(ends.begin(), ends.end(), has);
        if (!carried && !Has(defines, column)) return column + " leaves but never came";
      }
    }
    return std::nullopt;
  }

  /// `ends` gets the columns that leave each branch.
  Problem CheckBranches(const Step& step, const Columns& input, std::vector<Columns>& ends) {
    if (step.branches.empty()) return "has no branches";
    for (const Branch& branch : step.branches) {
      if (Problem problem = CheckStages({branch.stages, {branch.output}, {&input}})) {
        return "branch " + branch.name + ": " + *problem;
      }
      ends.push_back(branch.Columns(input));
      if (!branch.accept.empty() && !Has(ends.back(), branch.accept)) {
        return "branch " + branch.name + " has no " + branch.accept;
      }
    }
    return CheckUnion(step, ends);
  }

  Problem CheckUnion(const Step& step, const std::vector<Columns>& inputs) {
    for (const auto& [column, from] : step.sources) {
      if (from.size() != inputs.size()) return column + " lacks a source";
      for (size_t i = 0; i < from.size(); ++i) {
        if (!Has(inputs[i], from[i])) return "reads " + from[i] + ", which its input lacks";
      }
    }
    return std::nullopt;
  }

  Problem CheckJoin(const Step& step, const std::vector<Columns>& inputs) {
    for (const auto& [side, column] : step.arguments) {
      if (!Has(inputs[side == "left" ? 0 : 1], column)) return "its " + side + " has no " + column;
    }
    for (const auto& [from, column] : step.results) {
      if (!Has(inputs[1], from)) return "its right has no " + from;
    }
    for (const auto& [column, from] : step.sources) {
      if (from.size() != inputs.size()) return column + " lacks a source";
      for (size_t i = 0; i < from.size(); ++i) {
        if (!from[i].empty() && !Has(inputs[i], from[i])) return "no input has " + from[i];
      }
    }
    return std::nullopt;
  }

  Problem CheckReads(const Step& step, const Columns& input) {
    for (const std::string& column : step.Reads()) {
      if (!Has(input, column)) return "reads " + column + ", which its input lacks";
    }
    return std::nullopt;
  }

  const LogicalPlan& plan_;
  std::set<std::string> defined_;
  std::set<std::string> names_;
};

}  // namespace

std::optional<std::string> Verify(const LogicalPlan& plan) { return Verifier(plan).Run(); }

}  // namespace raceway::compiler
