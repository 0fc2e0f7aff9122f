#include "operators/limit.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

namespace raceway::operators {
namespace {

using engine::Batch;
using engine::Error;
using engine::ErrorCode;
using engine::Layout;
using engine::Result;

class Limit final : public engine::Operator {
 public:
  Limit(int64_t count, Layout layout) : count_(count), layout_(std::move(layout)) {}

  Result<Batch> Run(Batch input, engine::RunContext& /*context*/) const override {
    std::vector<int64_t> rows(static_cast<size_t>(std::min(count_, input.num_rows())));
    std::iota(rows.begin(), rows.end(), 0);
    return layout_.SomeRows(input, rows);
  }

 private:
  int64_t count_;
  Layout layout_;
};

}  // namespace

Result<engine::AnyOperator> MakeLimit(const engine::OperatorSpec& spec) {
  const engine::Value options(spec.step.options);
  const engine::Value* count = options.Find("count");
  if (spec.inputs.size() != 1 || spec.outputs.size() != 1 || count == nullptr ||
      count->AsInt() == nullptr || *count->AsInt() < 0) {
    return Error{ErrorCode::kInvalidArgument,
                 "limit has one input, one output and a `count`, 0 or more"};
  }
  Result<Layout> layout = Layout::Make(*spec.inputs[0], spec.outputs[0], {});
  if (!layout) return std::move(layout).error();
  return engine::AnyOperator(std::make_unique<Limit>(*count->AsInt(), std::move(*layout)));
}

}  // namespace raceway::operators
