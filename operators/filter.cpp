#include "operators/filter.h"

#include <memory>
#include <utility>

#include "operators/condition.h"

namespace raceway::operators {
namespace {

using engine::Batch;
using engine::Layout;
using engine::Result;

class Filter final : public engine::Operator {
 public:
  Filter(Condition where, Layout layout) : where_(std::move(where)), layout_(std::move(layout)) {}

  Result<Batch> Run(Batch input, engine::RunContext& /*context*/) const override {
    const Result<at::Tensor> flags = where_.Evaluate(input);
    if (!flags) return flags.error();
    return layout_.SomeRows(input, RowsWhere(*flags, true));
  }

 private:
  Condition where_;
  Layout layout_;
};

}  // namespace

Result<engine::AnyOperator> MakeFilter(const engine::OperatorSpec& spec) {
  Result<Condition> where = Condition::Make(spec);
  if (!where) return std::move(where).error();
  if (spec.outputs.size() != 1) {
    return engine::Error{engine::ErrorCode::kInvalidArgument, "filter has one output"};
  }
  Result<Layout> layout = Layout::Make(*spec.inputs[0], spec.outputs[0], {});
  if (!layout) return std::move(layout).error();
  return engine::AnyOperator(std::make_unique<Filter>(std::move(*where), std::move(*layout)));
}

}  // namespace raceway::operators
