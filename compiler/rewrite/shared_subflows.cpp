#include "compiler/rewrite/shared_subflows.h"

#include <algorithm>
#include <utility>

namespace raceway::compiler {
namespace {

using Columns = std::vector<std::string>;
using Names = std::map<std::string, std::string>;  // a column → the equal one in its place

void Rename(std::string& column, const Names& names) {
  const auto found = names.find(column);
  if (found != names.end()) column = found->second;
}

void Rename(engine::Expression& expression, const Names& names) {
  if (expression.kind == engine::Expression::Kind::kColumn) Rename(expression.name, names);
  for (engine::Expression& arg : expression.args) Rename(arg, names);
}

/// Also drops what is there twice then.
void Rename(Columns& columns, const Names& names) {
  Columns renamed;
  for (std::string& column : columns) {
    Rename(column, names);
    if (std::find(renamed.begin(), renamed.end(), column) == renamed.end()) {
      renamed.push_back(std::move(column));
    }
  }
  columns = std::move(renamed);
}

void DropSecondKeys(Step& step) {
  auto& all = step.arguments;
  for (auto key = all.begin(); key != all.end(); ++key) {
    if (key->first.empty()) all.erase(std::remove(key + 1, all.end(), *key), all.end());
  }
}

void Rename(Step& step, const Names& names) {
  for (auto& [parameter, column] : step.arguments) Rename(column, names);
  if (step.kind == StepKind::kAgg) DropSecondKeys(step);
  if (step.kind == StepKind::kJoin) {
    for (auto& [from, column] : step.results) Rename(from, names);
  }
  for (engine::NamedExpression& named : step.expressions) Rename(named.expression, names);
  for (auto& [column, from] : step.sources) {
    for (std::string& source : from) Rename(source, names);
  }
  for (Columns& output : step.outputs) Rename(output, names);
  for (Branch& branch : step.branches) {
    Rename(branch.accept, names);
    for (Stage& stage : branch.stages) {
      for (Step& inside : stage.steps) Rename(inside, names);
    }
  }
}

/// Whether two steps that read the same columns define the same. 0.0 and -0.0 are equal numbers,
/// but not in their text.
bool AreEqual(const Step& a, const Step& b) {
  const auto same_parts = [](const auto& left, const auto& right, auto&& same) {
    return std::equal(left.begin(), left.end(), right.begin(), right.end(), same);
  };
  const bool names_columns = a.kind == StepKind::kDerive || a.kind == StepKind::kSelect;
  return a.branches.empty() && a.kind == b.kind && a.function == b.function &&
         a.arguments == b.arguments && a.options == b.options &&
         same_parts(a.results, b.results,
                    [](const auto& x, const auto& y) { return x.first == y.first; }) &&
         same_parts(a.sources, b.sources,
                    [](const auto& x, const auto& y) { return x.second == y.second; }) &&
         same_parts(a.expressions, b.expressions, [&](const auto& x, const auto& y) {
           return (names_columns || x.name == y.name) && x.expression == y.expression &&
                  ToString(x.expression) == ToString(y.expression);
         });
}

/// Only these hand on columns that they do not know.
bool HandsOn(StepKind kind) {
  return kind != StepKind::kUnion && kind != StepKind::kJoin && kind != StepKind::kExplode &&
         kind != StepKind::kAgg && kind != StepKind::kFail && kind != StepKind::kDrop;
}

bool IsIn(const Columns& some, const Columns& all) {
  return std::all_of(some.begin(), some.end(), [&](const std::string& column) {
    return std::find(all.begin(), all.end(), column) != all.end();
  });
}

class Sharing {
 public:
  /// `names` are those of the whole plan, of which this may be a branch.
  Sharing(LogicalPlan plan, Names& names)
      : plan_(std::move(plan)), instead_(plan_.stages.size()), names_(names) {}

  LogicalPlan Run() && {
    for (size_t i = 0; i < plan_.stages.size(); ++i) Visit(i);
    for (PlanResult& result : plan_.results) {
      for (auto& [name, column] : result.columns) Rename(column, names_);
    }
    return RemoveStages(std::move(plan_), instead_);
  }

 private:
  void Visit(size_t index) {
    Stage& stage = plan_.stages[index];
    for (Port& input : stage.inputs) input = Resolve(input);
    for (size_t i = 0; i < stage.steps.size(); ++i) {
      Step& step = stage.steps[i];
      Rename(step, names_);
      if (step.branches.empty()) continue;
      const Columns input =
          i == 0 ? plan_.ColumnsOf(stage.inputs.front()) : stage.steps[i - 1].outputs.front();
      for (Branch& branch : step.branches) ShareIn(branch, input);
      Rename(step, names_);  // what was found equal in the branches
    }
    if (stage.steps.size() != 1) return;
    for (size_t i = 0; i < index; ++i) {
      Stage& first = plan_.stages[i];
      if (instead_[i] || first.steps.size() != 1 || first.device != stage.device) continue;
      const Step& step = stage.steps.front();
      if (!AreEqual(first.steps.front(), step)) continue;
      if (first.inputs == stage.inputs && ShareOutputs(first.steps.front(), step)) {
        Replace(index, first.steps.front(), {static_cast<int32_t>(i), 0});
      } else if (IsThere(first.steps.front(), stage)) {
        Replace(index, first.steps.front(), stage.inputs.front());
      } else {
        continue;
      }
      return;
    }
  }

  void ShareIn(Branch& branch, const Columns& input) {
    LogicalPlan inside;
    inside.inputs = {{"", input}};
    inside.stages = std::move(branch.stages);
    inside.results = {{"", branch.output, {}}};
    inside = Sharing(std::move(inside), names_).Run();
    branch.stages = std::move(inside.stages);
    branch.output = inside.results.front().output;
  }

  Port Resolve(Port port) const {
    while (port.stage >= 0 && instead_[static_cast<size_t>(port.stage)]) {
      const Port other = *instead_[static_cast<size_t>(port.stage)];
      port = {other.stage, other.output + port.output};
    }
    return port;
  }

  /// Lets `first` hand on what leaves `second` too, if it can.
  static bool ShareOutputs(Step& first, const Step& second) {
    Names names = Pairs(first, second);
    std::vector<Columns> wanted = second.outputs;
    for (size_t i = 0; i < wanted.size(); ++i) {
      Rename(wanted[i], names);
      if (!HandsOn(first.kind) && !IsIn(wanted[i], first.outputs[i])) return false;
    }
    for (size_t i = 0; i < wanted.size(); ++i) {
      for (std::string& column : wanted[i]) {
        if (!IsIn({column}, first.outputs[i])) first.outputs[i].push_back(std::move(column));
      }
    }
    return true;
  }

  /// Whether what `stage` would compute came with its rows.
  bool IsThere(const Step& first, const Stage& stage) const {
    const StepKind kind = stage.steps.front().kind;
    return (kind == StepKind::kMap || kind == StepKind::kDerive) &&
           IsIn(first.Defines(), plan_.ColumnsOf(stage.inputs.front()));
  }

  static Names Pairs(const Step& first, const Step& second) {
    const Columns to = first.Defines();
    const Columns from = second.Defines();
    Names names;
    for (size_t i = 0; i < from.size(); ++i) names[from[i]] = to[i];
    return names;
  }

  void Replace(size_t index, const Step& first, Port port) {
    names_.merge(Pairs(first, plan_.stages[index].steps.front()));
    instead_[index] = port;
  }

  LogicalPlan plan_;
  std::vector<std::optional<Port>> instead_;
  Names& names_;
};

}  // namespace

LogicalPlan SharedSubflows(LogicalPlan plan) {
  Names names;
  return Sharing(std::move(plan), names).Run();
}

}  // namespace raceway::compiler
