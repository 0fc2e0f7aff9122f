#include "operators/projection.h"

#include <c10/core/InferenceMode.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "operators/expressions.h"
#include "operators/row_errors.h"

namespace raceway::operators {
namespace {

using engine::Batch;
using engine::Column;
using engine::Error;
using engine::ErrorCode;
using engine::Layout;
using engine::NamedExpression;
using engine::Result;

class Projection final : public engine::Operator {
 public:
  Projection(Layout layout, std::vector<BoundExpression> expressions, std::vector<bool> needed)
      : layout_(std::move(layout)),
        expressions_(std::move(expressions)),
        needed_(std::move(needed)) {}

  Result<Batch> Run(Batch input, engine::RunContext& /*context*/) const override {
    if (expressions_.empty()) return layout_.SameRows(input, {});
    const c10::InferenceMode inference;
    const size_t num_inputs = input.columns().size();
    std::vector<Column> columns;  // of the input, then those defined
    columns.reserve(num_inputs + expressions_.size());
    columns = input.columns();
    for (size_t i = 0; i < expressions_.size(); ++i) {
      Column& column = columns.emplace_back();
      if (!needed_[i]) continue;
      Result<Column> value = expressions_[i].Evaluate(columns, input.num_rows());
      if (!value) return WithRowId(std::move(value).error(), input);
      column = std::move(*value);
    }
    columns.erase(columns.begin(), columns.begin() + static_cast<std::ptrdiff_t>(num_inputs));
    return layout_.SameRows(input, std::move(columns));
  }

 private:
  Layout layout_;
  std::vector<BoundExpression> expressions_;
  std::vector<bool> needed_;  // whether anybody reads the i-th
};

/// Those that leave the step, and those that such a one reads.
std::vector<bool> FindNeeded(const std::vector<NamedExpression>& expressions, const Layout& layout,
                             bool sees_earlier) {
  std::vector<bool> needed(expressions.size());
  for (size_t i = 0; i < needed.size(); ++i) needed[i] = layout.is_wanted(i);
  if (!sees_earlier) return needed;
  for (size_t i = needed.size(); i-- > 0;) {
    if (!needed[i]) continue;
    std::vector<std::string> read;
    engine::CollectColumns(expressions[i].expression, read);
    for (size_t earlier = 0; earlier < i; ++earlier) {
      for (const std::string& name : read) {
        if (name == expressions[earlier].name) needed[earlier] = true;
      }
    }
  }
  return needed;
}

}  // namespace

Result<engine::AnyOperator> MakeProjection(const engine::OperatorSpec& spec, bool sees_earlier) {
  if (spec.inputs.size() != 1 || spec.outputs.size() != 1) {
    return Error{ErrorCode::kInvalidArgument, spec.step.op + " has one input and one output"};
  }
  std::vector<engine::Field> scope = spec.inputs[0]->fields();
  std::vector<BoundExpression> bound;
  std::vector<std::string> names;
  for (const auto& [name, expression] : spec.step.expressions) {
    Result<BoundExpression> one = BoundExpression::Bind(expression, engine::Schema(scope));
    if (!one) return std::move(one).error();
    bound.push_back(std::move(*one));
    names.push_back(name);
    if (sees_earlier) scope.push_back({name, expression.type});
  }
  Result<Layout> layout = Layout::Make(*spec.inputs[0], spec.outputs[0], names);
  if (!layout) return std::move(layout).error();
  std::vector<bool> needed = FindNeeded(spec.step.expressions, *layout, sees_earlier);
  return engine::AnyOperator(
      std::make_unique<Projection>(std::move(*layout), std::move(bound), std::move(needed)));
}

}  // namespace raceway::operators
