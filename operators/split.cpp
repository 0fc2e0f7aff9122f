#include "operators/split.h"

#include <array>
#include <memory>
#include <utility>

#include "operators/condition.h"

namespace raceway::operators {
namespace {

using engine::Batch;
using engine::Layout;
using engine::Result;

class Split final : public engine::Splitter {
 public:
  Split(Condition where, std::array<Layout, 2> layouts)
      : where_(std::move(where)), layouts_(std::move(layouts)) {}

  engine::Status Run(Batch input, std::span<Batch> outputs,
                     engine::RunContext& /*context*/) const override {
    const Result<at::Tensor> flags = where_.Evaluate(input);
    if (!flags) return flags.error();
    for (size_t side = 0; side < layouts_.size(); ++side) {
      outputs[side] = layouts_[side].SomeRows(input, RowsWhere(*flags, side == 0));
    }
    return engine::Done{};
  }

 private:
  Condition where_;
  std::array<Layout, 2> layouts_;  // of the rows where it is true, and of the others
};

}  // namespace

Result<engine::AnyOperator> MakeSplit(const engine::OperatorSpec& spec) {
  Result<Condition> where = Condition::Make(spec);
  if (!where) return std::move(where).error();
  if (spec.outputs.size() != 2) {
    return engine::Error{engine::ErrorCode::kInvalidArgument, "split has two outputs"};
  }
  std::array<Layout, 2> layouts;
  for (size_t side = 0; side < layouts.size(); ++side) {
    Result<Layout> layout = Layout::Make(*spec.inputs[0], spec.outputs[side], {});
    if (!layout) return std::move(layout).error();
    layouts[side] = std::move(*layout);
  }
  return engine::AnyOperator(std::make_unique<Split>(std::move(*where), std::move(layouts)));
}

}  // namespace raceway::operators
