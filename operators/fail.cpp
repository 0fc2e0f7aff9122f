#include "operators/fail.h"

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
using engine::Result;

class Fail final : public engine::Operator {
 public:
  Fail(BoundExpression message, engine::SchemaPtr output)
      : message_(std::move(message)), output_(std::move(output)) {}

  Result<Batch> Run(Batch input, engine::RunContext& /*context*/) const override {
    if (input.num_rows() == 0) return Batch::Empty(output_);
    const c10::InferenceMode inference;
    std::vector<Column> first;
    first.reserve(input.columns().size());
    for (const Column& column : input.columns()) first.push_back(column.Slice(0, 1));
    const Result<Column> message = message_.Evaluate(first, 1);
    if (!message) return WithRowId(message.error(), input);
    return Error{.code = ErrorCode::kFailed,
                 .message = std::string(message->text()[0]),
                 .row_id = input.RowId(0)};
  }

 private:
  BoundExpression message_;
  engine::SchemaPtr output_;
};

}  // namespace

Result<engine::AnyOperator> MakeFail(const engine::OperatorSpec& spec) {
  const auto& expressions = spec.step.expressions;
  if (spec.inputs.size() != 1 || spec.outputs.size() != 1 || expressions.size() != 1 ||
      expressions[0].expression.type != engine::Type{engine::DataType::kString}) {
    return Error{ErrorCode::kInvalidArgument,
                 "fail has one input, one output and a message, which is a string"};
  }
  Result<BoundExpression> message =
      BoundExpression::Bind(expressions[0].expression, *spec.inputs[0]);
  if (!message) return std::move(message).error();
  return engine::AnyOperator(std::make_unique<Fail>(std::move(*message), spec.outputs[0]));
}

}  // namespace raceway::operators
