#include "compiler/rewrite/constant_folding.h"

#include <utility>

#include "compiler/rewrite/branches.h"
#include "compiler/rewrite/can_fail.h"
#include "compiler/rewrite/constant_calls.h"

namespace raceway::compiler {
namespace {

using engine::Expression;

/// The value of a constant bool.
std::optional<bool> Truth(const Expression& expression) {
  if (expression.kind != Expression::Kind::kConstant) return std::nullopt;
  const bool* value = expression.constant.AsBool();
  return value == nullptr ? std::nullopt : std::optional(*value);
}

bool IsCallOf(const Expression& expression, std::string_view function) {
  return expression.kind == Expression::Kind::kCall && expression.name == function;
}

/// `and`: true is what changes nothing, false what decides; `or`: the other way around.
Expression FoldLogic(Expression call) {
  const bool neutral = call.name == "and";
  const std::optional<bool> left = Truth(call.args[0]);
  const std::optional<bool> right = Truth(call.args[1]);
  if (left) return std::move(call.args[*left == neutral ? 1 : 0]);
  if (right == neutral) return std::move(call.args[0]);
  if (right && !CanFail(call.args[0])) return std::move(call.args[1]);
  return call;
}

Expression FoldIf(Expression call) {
  if (const std::optional<bool> condition = Truth(call.args[0])) {
    return std::move(call.args[*condition ? 1 : 2]);
  }
  const bool is_either = call.args[1] == call.args[2] &&
                         ToString(call.args[1]) == ToString(call.args[2]);  // 0.0 is not -0.0
  if (is_either && !CanFail(call.args[0])) return std::move(call.args[1]);
  return call;
}

/// `x.shape[1]`, where the type says it.
Expression FoldShape(Expression call) {
  const Expression& shape = call.args[0];
  const int64_t* dim = call.args[1].constant.AsInt();
  if (!IsCallOf(shape, "shape") || dim == nullptr || CanFail(shape.args[0])) return call;
  const std::vector<engine::Dim>& dims = shape.args[0].type.shape;
  if (*dim < 0 || static_cast<size_t>(*dim) >= dims.size()) return call;
  const engine::Dim& size = dims[static_cast<size_t>(*dim)];
  return size.is_size() ? Expression::Constant(size.size, call.type) : call;
}

bool AreConstant(const std::vector<Expression>& args) {
  for (const Expression& arg : args) {
    if (arg.kind != Expression::Kind::kConstant) return false;
  }
  return true;
}

Expression FoldCall(Expression call) {
  if (call.name == "and" || call.name == "or") return FoldLogic(std::move(call));
  if (call.name == "if") return FoldIf(std::move(call));
  if (call.name == "index") return FoldShape(std::move(call));
  if (call.name == "not" && IsCallOf(call.args[0], "not")) {
    return Expression(call.args[0].args[0]);
  }
  if (!AreConstant(call.args)) return call;
  const std::optional<engine::Value> value = ValueOfCall(call);
  return value ? Expression::Constant(*value, call.type) : call;
}

bool KeepsAllRows(const Stage& stage) {
  return stage.steps.size() == 1 && stage.steps.front().kind == StepKind::kFilter &&
         Truth(stage.steps.front().expressions.front().expression) == true;
}

}  // namespace

Expression Fold(Expression expression) {
  if (expression.kind != Expression::Kind::kCall) return expression;
  for (Expression& arg : expression.args) arg = Fold(std::move(arg));
  return FoldCall(std::move(expression));
}

LogicalPlan ConstantFolding(LogicalPlan plan) {
  plan = InBranches(std::move(plan), &ConstantFolding);
  std::vector<std::optional<Port>> instead(plan.stages.size());
  for (size_t i = 0; i < plan.stages.size(); ++i) {
    Stage& stage = plan.stages[i];
    for (Step& step : stage.steps) {
      for (auto& named : step.expressions) named.expression = Fold(std::move(named.expression));
    }
    if (KeepsAllRows(stage)) instead[i] = stage.inputs.front();
  }
  return RemoveStages(std::move(plan), instead);
}

}  // namespace raceway::compiler
