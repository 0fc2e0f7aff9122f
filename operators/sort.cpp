#include "operators/sort.h"

#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "operators/expressions.h"
#include "operators/ranks.h"
#include "operators/row_errors.h"

namespace raceway::operators {
namespace {

using engine::Batch;
using engine::Column;
using engine::Error;
using engine::ErrorCode;
using engine::Layout;
using engine::Result;

struct Key {
  BoundExpression expression;
  engine::DataType type;
  Order order;
};

/// A row with its rank by the first key, side by side: most comparisons look no further.
struct Place {
  int64_t rank;
  int64_t row;
};

class Sort final : public engine::Operator {
 public:
  Sort(std::vector<Key> keys, Layout layout) : keys_(std::move(keys)), layout_(std::move(layout)) {}

  Result<Batch> Run(Batch input, engine::RunContext& /*context*/) const override {
    const c10::InferenceMode inference;
    std::vector<std::vector<int64_t>> ranks;
    for (const Key& key : keys_) {
      const Result<Column> values = key.expression.Evaluate(input.columns(), input.num_rows());
      if (!values) return WithRowId(values.error(), input);
      ranks.push_back(Ranks(*values, key.type, key.order));
    }
    std::vector<Place> places;
    places.reserve(static_cast<size_t>(input.num_rows()));
    for (int64_t row = 0; row < input.num_rows(); ++row) {
      places.push_back({ranks.front()[static_cast<size_t>(row)], row});
    }
    const auto comes_first = [&](const Place& a, const Place& b) {
      if (a.rank != b.rank) return a.rank < b.rank;
      for (size_t key = 1; key < ranks.size(); ++key) {
        const int64_t left = ranks[key][static_cast<size_t>(a.row)];
        const int64_t right = ranks[key][static_cast<size_t>(b.row)];
        if (left != right) return left < right;
      }
      return a.row < b.row;  // so that no two are equal, and equal rows stay in order
    };
    if (std::is_sorted(places.begin(), places.end(), comes_first)) {
      return layout_.SameRows(input, {});
    }
    std::sort(places.begin(), places.end(), comes_first);
    std::vector<int64_t> rows;
    rows.reserve(places.size());
    for (const Place& place : places) rows.push_back(place.row);
    return layout_.AnyRows(input, rows, {});
  }

 private:
  std::vector<Key> keys_;
  Layout layout_;
};

}  // namespace

Result<engine::AnyOperator> MakeSort(const engine::OperatorSpec& spec) {
  if (spec.inputs.size() != 1 || spec.outputs.size() != 1 || spec.step.expressions.empty()) {
    return Error{ErrorCode::kInvalidArgument, "sort has one input, one output and keys"};
  }
  std::vector<Key> keys;
  for (const auto& [order, expression] : spec.step.expressions) {
    if ((order != "ascending" && order != "descending") || !HasOrder(expression.type)) {
      return Error{
          ErrorCode::kInvalidArgument,
          "sort: `" + order + "` by " + ToString(expression.type) + " is no order of rows"};
    }
    Result<BoundExpression> bound = BoundExpression::Bind(expression, *spec.inputs[0]);
    if (!bound) return std::move(bound).error();
    keys.push_back({std::move(*bound), expression.type.dtype,
                    order == "ascending" ? Order::kAscending : Order::kDescending});
  }
  Result<Layout> layout = Layout::Make(*spec.inputs[0], spec.outputs[0], {});
  if (!layout) return std::move(layout).error();
  return engine::AnyOperator(std::make_unique<Sort>(std::move(keys), std::move(*layout)));
}

}  // namespace raceway::operators
