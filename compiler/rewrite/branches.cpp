#include "compiler/rewrite/branches.h"

#include <utility>

namespace raceway::compiler {
namespace {

using Columns = std::vector<std::string>;

/// `columns` are the plan's, lent to the branch while the pass runs.
void Rewrite(Branch& branch, const Columns& input, std::map<std::string, engine::Type>& columns,
             LogicalPlan (*pass)(LogicalPlan plan)) {
  LogicalPlan plan;
  plan.flow = branch.name;
  plan.inputs = {{"", input}};
  plan.columns.swap(columns);
  plan.stages = std::move(branch.stages);
  plan.results = {{"", branch.output, {}}};
  plan = pass(std::move(plan));
  branch.stages = std::move(plan.stages);
  branch.output = plan.results.front().output;
  columns.swap(plan.columns);
}

}  // namespace

LogicalPlan InBranches(LogicalPlan plan, LogicalPlan (*pass)(LogicalPlan plan)) {
  for (Stage& stage : plan.stages) {
    for (size_t i = 0; i < stage.steps.size(); ++i) {
      if (stage.steps[i].branches.empty()) continue;
      const Columns input =
          i == 0 ? plan.ColumnsOf(stage.inputs.front()) : stage.steps[i - 1].outputs.front();
      for (Branch& branch : stage.steps[i].branches) Rewrite(branch, input, plan.columns, pass);
    }
  }
  return plan;
}

}  // namespace raceway::compiler
