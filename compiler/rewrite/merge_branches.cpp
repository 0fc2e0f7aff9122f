#include "compiler/rewrite/merge_branches.h"

#include <algorithm>
#include <map>
#include <utility>

#include "compiler/rewrite/can_fail.h"
#include "compiler/rewrite/fuse_chains.h"
#include "compiler/rewrite/request_rows.h"

namespace raceway::compiler {
namespace {

using engine::Expression;
using engine::NamedExpression;
using Definitions = std::map<std::string, Expression>;

/// Above it, choosing for each row is no longer the cheap way.
constexpr int kMostParts = 40;

int NumParts(const Expression& expression) {
  int parts = 1;
  for (const Expression& arg : expression.args) parts += NumParts(arg);
  return parts;
}

/// With what the branch defines put in its place.
Expression Inlined(const Expression& expression, const Definitions& definitions) {
  if (expression.kind == Expression::Kind::kColumn) {
    const auto found = definitions.find(expression.name);
    if (found != definitions.end()) return found->second;
  }
  Expression inlined = expression;
  for (Expression& arg : inlined.args) arg = Inlined(arg, definitions);
  return inlined;
}

/// One of the two ways from a split to a union.
struct Branch {
  std::vector<size_t> stages;  // from the union back
  Port from;                   // the half of the split
  Definitions definitions;     // of what it computes, by what the split had
};

class Merging {
 public:
  explicit Merging(LogicalPlan plan)
      : plan_(std::move(plan)), rows_(plan_), instead_(plan_.stages.size()) {}

  LogicalPlan Run() && {
    for (size_t i = 0; i < plan_.stages.size(); ++i) {
      while (MergeInto(i)) {
      }
    }
    return RemoveStages(std::move(plan_), instead_);
  }

 private:
  Stage& StageOf(Port port) { return plan_.stages[static_cast<size_t>(port.stage)]; }

  /// Merges two branches of a union that stand side by side, if there are such.
  bool MergeInto(size_t index) {
    const Stage& stage = plan_.stages[index];
    if (stage.steps.size() != 1 || stage.steps.front().kind != StepKind::kUnion) return false;
    if (IsKeptApart(stage.steps.front())) return false;
    for (size_t i = 0; i + 1 < stage.inputs.size(); ++i) {
      std::optional<Branch> first = BranchTo(stage.inputs[i]);
      std::optional<Branch> second = BranchTo(stage.inputs[i + 1]);
      if (first && second && Belong(*first, *second) && Merge(index, i, *first, *second)) {
        return true;
      }
    }
    return false;
  }

  /// The way back from `port` to a split, if it is only computing.
  std::optional<Branch> BranchTo(Port port) {
    Branch branch;
    while (port.stage >= 0 && plan_.NumConsumers(port) == 1) {
      const Stage& stage = StageOf(port);
      if (stage.steps.size() != 1) return std::nullopt;
      const Step& step = stage.steps.front();
      if (IsKeptApart(step)) return std::nullopt;
      if (step.kind == StepKind::kSplit) {
        branch.from = port;
        Define(branch);
        return branch;
      }
      const bool only_computes = step.kind == StepKind::kDerive || step.kind == StepKind::kSelect ||
                                 step.kind == StepKind::kOmit;
      if (!only_computes) return std::nullopt;
      branch.stages.push_back(static_cast<size_t>(port.stage));
      port = stage.inputs.front();
    }
    return std::nullopt;
  }

  void Define(Branch& branch) {
    for (auto stage = branch.stages.rbegin(); stage != branch.stages.rend(); ++stage) {
      // Expressions of one step do not see each other.
      const Definitions before = branch.definitions;
      for (const auto& [name, expression] : plan_.stages[*stage].steps.front().expressions) {
        // What grows beyond use is left as it is, and noticed by `Choice`.
        branch.definitions[name] =
            NumParts(expression) > kMostParts ? expression : Inlined(expression, before);
      }
    }
  }

  bool Belong(const Branch& a, const Branch& b) {
    if (a.from.stage != b.from.stage || a.from.output == b.from.output) return false;
    const Stage& split = StageOf(a.from);
    return split.num_outputs() == 2 && rows_.AreInOrderOnce(split.inputs.front()) &&
           !CanFailWithoutNan(split.steps.front().expressions.front().expression);
  }

  /// What a column of the union is in terms of what the split had; none if it is not worth it.
  std::optional<Expression> Choice(const std::vector<std::string>& from, const Expression& taken,
                                   const Branch& holds, const Branch& rest) {
    const engine::Type& type = plan_.columns.at(from.front());
    if (type != plan_.columns.at(from.back()) || !type.is_scalar() || type.optional) {
      return std::nullopt;
    }
    const Expression a = Inlined(Expression::Column(from.front(), type), holds.definitions);
    const Expression b = Inlined(Expression::Column(from.back(), type), rest.definitions);
    if (a == b && ToString(a) == ToString(b)) return a;  // 0.0 and -0.0 are equal numbers
    if (CanFail(a) || CanFail(b)) return std::nullopt;
    const Expression choice = Expression::Call("if", {taken, a, b}, type);
    if (NumParts(choice) > kMostParts) return std::nullopt;
    return choice;
  }

  /// A column that is not in the plan yet.
  std::string NewColumn(const std::string& like, const engine::Type& type) {
    for (int i = 2;; ++i) {
      std::string name = like + "." + std::to_string(i);
      if (plan_.columns.try_emplace(name, type).second) return name;
    }
  }

  bool Merge(size_t index, size_t at, const Branch& first, const Branch& second) {
    const bool is_first_true = first.from.output == 0;
    const Branch& holds = is_first_true ? first : second;
    const Branch& rest = is_first_true ? second : first;
    const Stage& split = StageOf(first.from);
    const Stage& merged = plan_.stages[index];
    if (split.device != merged.device) return false;
    const Step& united = merged.steps.front();
    const Expression& condition = split.steps.front().expressions.front().expression;
    std::vector<NamedExpression> choices;
    for (const auto& [column, from] : united.sources) {
      const std::string& a = from[is_first_true ? at : at + 1];
      const std::string& b = from[is_first_true ? at + 1 : at];
      std::optional<Expression> choice = Choice({a, b}, condition, holds, rest);
      if (!choice) return false;
      choices.push_back({column, *std::move(choice)});
    }
    return merged.inputs.size() == 2 ? ReplaceUnion(index, std::move(choices), first, second)
                                     : ReplaceInputs(index, at, std::move(choices), first, second);
  }

  /// Nobody is left to unite with: the union becomes a `derive` of the split's table.
  bool ReplaceUnion(size_t index, std::vector<NamedExpression> choices, const Branch& first,
                    const Branch& second) {
    Stage& merged = plan_.stages[index];
    Step& step = merged.steps.front();
    step.kind = choices.empty() ? StepKind::kOmit : StepKind::kDerive;
    step.sources.clear();
    step.expressions = std::move(choices);
    // What may fail of it is the condition.
    const Step& split = StageOf(first.from).steps.front();
    if (CanFail(split.expressions.front().expression)) {
      step.label = split.label;
      step.where = split.where;
    }
    merged.inputs = {StageOf(first.from).inputs.front()};
    Remove(first.stages);
    Remove(second.stages);
    Remove({static_cast<size_t>(first.from.stage)});
    return true;
  }

  /// The split itself becomes the `derive` whose rows the union reads in place of both branches.
  bool ReplaceInputs(size_t index, size_t at, std::vector<NamedExpression> choices,
                     const Branch& first, const Branch& second) {
    Stage& merged = plan_.stages[index];
    Step& united = merged.steps.front();
    Stage& split = StageOf(first.from);
    Step& step = split.steps.front();
    std::vector<std::string> leaving;
    for (size_t i = 0; i < united.sources.size(); ++i) {
      auto& from = united.sources[i].second;
      choices[i].name = NewColumn(united.sources[i].first, choices[i].expression.type);
      from[at] = choices[i].name;
      from.erase(from.begin() + static_cast<std::ptrdiff_t>(at) + 1);
      leaving.push_back(choices[i].name);
    }
    const auto& defined = united.sources;
    for (const std::string& column : united.outputs.front()) {
      const bool is_source = std::any_of(defined.begin(), defined.end(), [&](const auto& source) {
        return source.first == column;
      });
      if (!is_source) leaving.push_back(column);
    }
    step.kind = choices.empty() ? StepKind::kOmit : StepKind::kDerive;
    step.expressions = std::move(choices);
    step.outputs = {std::move(leaving)};
    merged.inputs[at] = {first.from.stage, 0};
    merged.inputs.erase(merged.inputs.begin() + static_cast<std::ptrdiff_t>(at) + 1);
    Remove(first.stages);
    Remove(second.stages);
    return true;
  }

  void Remove(const std::vector<size_t>& stages) {
    for (const size_t stage : stages) {
      instead_[stage] = Port{};  // nobody reads it
      plan_.stages[stage].inputs.clear();
    }
  }

  LogicalPlan plan_;
  RequestRows rows_;
  std::vector<std::optional<Port>> instead_;
};

}  // namespace

LogicalPlan MergeBranches(LogicalPlan plan) { return Merging(std::move(plan)).Run(); }

}  // namespace raceway::compiler
