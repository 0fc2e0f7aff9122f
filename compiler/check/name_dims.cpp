#include "compiler/check/name_dims.h"

#include <set>
#include <string>
#include <vector>

namespace raceway::compiler {
namespace {

void NameDimsOf(engine::Expression& expression, DimNames& names) {
  expression.type = names(expression.type);
  for (engine::Expression& arg : expression.args) NameDimsOf(arg, names);
}

void NameDimsOf(std::vector<Stage>& stages, DimNames& names) {
  for (Stage& stage : stages) {
    for (Step& step : stage.steps) {
      for (engine::NamedExpression& named : step.expressions) NameDimsOf(named.expression, names);
      for (Branch& branch : step.branches) NameDimsOf(branch.stages, names);
    }
  }
}

}  // namespace

void NameDims(LogicalPlan& plan, const Dims& dims) {
  DimNames names(dims);
  std::set<std::string> named;  // those of the inputs
  for (const PlanInput& input : plan.inputs) {
    for (const std::string& column : input.columns) {
      if (named.insert(column).second) plan.columns.at(column) = names(plan.columns.at(column));
    }
  }
  for (auto& [column, type] : plan.columns) {
    if (!named.contains(column)) type = names(type);
  }
  NameDimsOf(plan.stages, names);
}

}  // namespace raceway::compiler
