#include "operators/split.h"

#include <ATen/core/TensorBody.h>
#include <c10/core/InferenceMode.h>

#include <memory>
#include <utility>
#include <vector>

#include "operators/condition.h"

namespace raceway::operators {
namespace {

using engine::Batch;
using engine::Layout;
using engine::Result;

class Split final : public engine::Splitter {
 public:
  Split(std::vector<Condition> where, std::vector<Layout> layouts)
      : where_(std::move(where)), layouts_(std::move(layouts)) {}

  engine::Status Run(Batch input, std::span<Batch> outputs,
                     engine::RunContext& /*context*/) const override {
    const c10::InferenceMode inference;
    at::Tensor left;  // bool[rows]: those that no condition took; undefined: all
    for (size_t i = 0; i < where_.size(); ++i) {
      const Result<at::Tensor> flags = where_[i].Evaluate(input);
      if (!flags) return flags.error();
      const at::Tensor taken = left.defined() ? left.logical_and(*flags) : *flags;
      outputs[i] = layouts_[i].SomeRows(input, RowsWhere(taken, true));
      left = left.defined() ? left.logical_and(flags->logical_not()) : flags->logical_not();
    }
    outputs[where_.size()] = layouts_.back().SomeRows(input, RowsWhere(left, true));
    return engine::Done{};
  }

 private:
  std::vector<Condition> where_;
  std::vector<Layout> layouts_;  // of the rows that each condition takes, and of the others
};

}  // namespace

Result<engine::AnyOperator> MakeSplit(const engine::OperatorSpec& spec) {
  Result<std::vector<Condition>> where = Condition::MakeAll(spec);
  if (!where) return std::move(where).error();
  if (spec.outputs.size() != where->size() + 1) {
    return engine::Error{engine::ErrorCode::kInvalidArgument,
                         "split has an output for each condition and one more"};
  }
  std::vector<Layout> layouts;
  for (const engine::SchemaPtr& output : spec.outputs) {
    Result<Layout> layout = Layout::Make(*spec.inputs[0], output, {});
    if (!layout) return std::move(layout).error();
    layouts.push_back(std::move(*layout));
  }
  return engine::AnyOperator(std::make_unique<Split>(std::move(*where), std::move(layouts)));
}

}  // namespace raceway::operators
