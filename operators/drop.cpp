#include "operators/drop.h"

#include <memory>
#include <utility>

namespace raceway::operators {
namespace {

using engine::Batch;
using engine::Result;

class Drop final : public engine::Operator {
 public:
  explicit Drop(engine::SchemaPtr output) : output_(std::move(output)) {}

  Result<Batch> Run(Batch /*input*/, engine::RunContext& /*context*/) const override {
    return Batch::Empty(output_);
  }

 private:
  engine::SchemaPtr output_;
};

}  // namespace

Result<engine::AnyOperator> MakeDrop(const engine::OperatorSpec& spec) {
  if (spec.inputs.size() != 1 || spec.outputs.size() != 1) {
    return engine::Error{engine::ErrorCode::kInvalidArgument, "drop has one input and one output"};
  }
  return engine::AnyOperator(std::make_unique<Drop>(spec.outputs[0]));
}

}  // namespace raceway::operators
