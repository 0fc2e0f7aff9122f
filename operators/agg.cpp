#include "operators/agg.h"

#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/data/key_type.h"
#include "engine/data/longs.h"
#include "operators/contracts.h"
#include "operators/groups.h"
#include "operators/ranks.h"
#include "operators/row_errors.h"
#include "operators/time_sum.h"

namespace raceway::operators {
namespace {

using engine::Batch;
using engine::Column;
using engine::DataType;
using engine::Error;
using engine::ErrorCode;
using engine::Layout;
using engine::Result;
using engine::Type;

/// What one result is made of.
struct Values {
  const Column& column;  // of no rows, where the aggregate takes none
  DataType type;
  int64_t count;  // of `topk`
  Type result;
};

using Aggregate = Result<Column> (*)(const Values& values, const Groups& groups);

std::vector<int64_t> CountRows(const Groups& groups) {
  std::vector<int64_t> counts(groups.size());
  for (const int64_t group : groups.of_row) ++counts[static_cast<size_t>(group)];
  return counts;
}

Result<Column> Count(const Values& /*values*/, const Groups& groups) {
  return Column(at::tensor(CountRows(groups), at::kLong));
}

std::vector<double> SumFloats(const Values& values, const Groups& groups) {
  const at::Tensor doubles = values.column.dense().to(at::kDouble).contiguous();
  const double* data = doubles.const_data_ptr<double>();
  std::vector<double> sums(groups.size());
  for (size_t row = 0; row < groups.of_row.size(); ++row) {
    sums[static_cast<size_t>(groups.of_row[row])] += data[row];
  }
  return sums;
}

/// Times never wrap around; whether their sum fits is not a matter of their order.
Result<Column> SumTimes(const Values& values, const Groups& groups) {
  const at::Tensor dense = values.column.dense().contiguous();
  const int64_t* data = dense.const_data_ptr<int64_t>();
  std::vector<TimeSum> sums(groups.size());
  for (size_t row = 0; row < groups.of_row.size(); ++row) {
    sums[static_cast<size_t>(groups.of_row[row])].Add(data[row]);
  }
  std::vector<int64_t> fitting;
  for (size_t group = 0; group < sums.size(); ++group) {
    const std::optional<int64_t> sum = sums[group].Total();
    if (!sum) {
      return Error{.code = ErrorCode::kFailed,
                   .message = "the sum is too long for a time",
                   .row_id = groups.first_row[group]};
    }
    fitting.push_back(*sum);
  }
  return Column(at::tensor(fitting, at::kLong));
}

/// Wraps around like `+` does.
Column SumIntegers(const Values& values, const Groups& groups) {
  const bool is_u64 = values.type == DataType::kU64;
  const at::Tensor longs = engine::Longs(values.column.dense());
  const int64_t* data = longs.const_data_ptr<int64_t>();
  std::vector<uint64_t> sums(groups.size());
  for (size_t row = 0; row < groups.of_row.size(); ++row) {
    sums[static_cast<size_t>(groups.of_row[row])] += static_cast<uint64_t>(data[row]);
  }
  const std::vector<int64_t> wrapped(sums.begin(), sums.end());
  const at::Tensor result = at::tensor(wrapped, at::kLong);
  return is_u64 ? result.view(at::kUInt64) : result.to(engine::ScalarTypeOf(values.type));
}

Result<Column> Sum(const Values& values, const Groups& groups) {
  if (values.type == DataType::kDuration) return SumTimes(values, groups);
  if (!engine::IsFloat(values.type)) return SumIntegers(values, groups);
  const at::Tensor sums = at::tensor(SumFloats(values, groups), at::kDouble);
  return Column(sums.to(engine::ScalarTypeOf(values.type)));
}

Result<Column> Mean(const Values& values, const Groups& groups) {
  std::vector<double> means = SumFloats(values, groups);
  const std::vector<int64_t> counts = CountRows(groups);
  for (size_t i = 0; i < means.size(); ++i) means[i] /= static_cast<double>(counts[i]);
  return Column(at::tensor(means, at::kDouble).to(engine::ScalarTypeOf(values.type)));
}

/// The value that comes first in `order`, for each group.
Column Best(const Values& values, const Groups& groups, Order order) {
  const std::vector<int64_t> ranks = Ranks(values.column, values.type, order);
  std::vector<int64_t> best = groups.first_row;
  for (size_t row = 0; row < groups.of_row.size(); ++row) {
    int64_t& so_far = best[static_cast<size_t>(groups.of_row[row])];
    if (ranks[row] < ranks[static_cast<size_t>(so_far)]) so_far = static_cast<int64_t>(row);
  }
  return values.column.Take(best);
}
Result<Column> Min(const Values& values, const Groups& groups) {
  return Best(values, groups, Order::kAscending);
}
Result<Column> Max(const Values& values, const Groups& groups) {
  return Best(values, groups, Order::kDescending);
}

Result<Column> First(const Values& values, const Groups& groups) {
  return values.column.Take(groups.first_row);
}

Result<Column> Any(const Values& values, const Groups& groups) {
  const at::Tensor flags = values.column.dense().contiguous();
  const bool* data = flags.const_data_ptr<bool>();
  std::vector<int64_t> any(groups.size());
  for (size_t row = 0; row < groups.of_row.size(); ++row) {
    any[static_cast<size_t>(groups.of_row[row])] |= data[row] ? 1 : 0;
  }
  return Column(at::tensor(any, at::kLong).to(at::kBool));
}

Result<Column> Topk(const Values& values, const Groups& groups) {
  const std::vector<int64_t> ranks = Ranks(values.column, values.type, Order::kDescending);
  std::vector<std::vector<int64_t>> rows(groups.size());
  for (size_t row = 0; row < groups.of_row.size(); ++row) {
    rows[static_cast<size_t>(groups.of_row[row])].push_back(static_cast<int64_t>(row));
  }
  std::vector<at::Tensor> best;
  for (std::vector<int64_t>& group : rows) {
    std::stable_sort(group.begin(), group.end(), [&](int64_t a, int64_t b) {
      return ranks[static_cast<size_t>(a)] < ranks[static_cast<size_t>(b)];
    });
    group.resize(std::min(group.size(), static_cast<size_t>(values.count)));
    best.push_back(values.column.Take(group).dense());
  }
  return Column::FromRows(std::move(best), values.result);
}

/// The values of each group in the order of its rows, along a new first dimension.
Result<Column> Collect(const Values& values, const Groups& groups) {
  std::vector<std::vector<int64_t>> rows(groups.size());
  for (size_t row = 0; row < groups.of_row.size(); ++row) {
    rows[static_cast<size_t>(groups.of_row[row])].push_back(static_cast<int64_t>(row));
  }
  std::vector<at::Tensor> collected;
  for (const std::vector<int64_t>& group : rows) {
    const Column rows_of_group = values.column.Take(group);
    collected.push_back(rows_of_group.is_dense() ? rows_of_group.dense()
                                                 : at::stack(rows_of_group.ragged()));
  }
  if (groups.size() > 1) return Column(std::move(collected));
  return Column::FromRows(std::move(collected), values.result);
}

Aggregate FindAggregate(std::string_view name) {
  static constexpr std::pair<std::string_view, Aggregate> kAggregates[] = {
      {"count", &Count}, {"sum", &Sum}, {"min", &Min},   {"max", &Max},         {"mean", &Mean},
      {"first", &First}, {"any", &Any}, {"topk", &Topk}, {"collect", &Collect},
  };
  for (const auto& [candidate, aggregate] : kAggregates) {
    if (candidate == name) return aggregate;
  }
  return nullptr;
}

struct ResultColumn {
  Aggregate aggregate = nullptr;
  int64_t column = -1;  // of the input
  DataType type = DataType::kUnknown;
  int64_t count = 0;
  Type result;
};

class Agg final : public engine::Operator {
 public:
  Agg(std::vector<size_t> keys, std::vector<ResultColumn> results, Layout layout)
      : keys_(std::move(keys)), results_(std::move(results)), layout_(std::move(layout)) {}

  Result<Batch> Run(Batch input, engine::RunContext& /*context*/) const override {
    if (input.num_rows() == 0) return Batch::Empty(layout_.output());
    const c10::InferenceMode inference;
    std::vector<Column> keys;
    for (const size_t key : keys_) keys.push_back(input.column(key));
    const Groups groups = FindGroups(keys, input.num_rows());
    std::vector<Column> results(results_.size());
    const Column none;
    for (size_t i = 0; i < results_.size(); ++i) {
      if (!layout_.is_wanted(i)) continue;
      const ResultColumn& result = results_[i];
      const Column& of =
          result.column < 0 ? none : input.column(static_cast<size_t>(result.column));
      Result<Column> made =
          result.aggregate({of, result.type, result.count, result.result}, groups);
      if (!made) return WithRowId(std::move(made).error(), input);
      results[i] = *std::move(made);
    }
    return layout_.AnyRows(input, groups.first_row, std::move(results));
  }

 private:
  std::vector<size_t> keys_;
  std::vector<ResultColumn> results_;
  Layout layout_;
};

Error Bad(const std::string& what) { return {ErrorCode::kInvalidArgument, "agg: " + what}; }

/// The aggregate of one result, checked against its contract: a plan may come from a file.
Result<ResultColumn> FindResult(const engine::OperatorSpec& spec, const std::string& name,
                                const engine::Catalog& contracts) {
  const engine::Value options(spec.step.options);
  const engine::Value* how = options.Find(name);
  const engine::Value* function = how == nullptr ? nullptr : how->Find("function");
  if (function == nullptr || function->AsString() == nullptr)
    return Bad("no way to `" + name + "`");
  const engine::AggregateContract* contract = contracts.FindAggregate(*function->AsString());
  ResultColumn result;
  result.aggregate = FindAggregate(*function->AsString());
  if (contract == nullptr || result.aggregate == nullptr) {
    return Bad("no aggregate `" + *function->AsString() + "`");
  }
  Type of;
  for (const auto& [argument, column] : spec.step.arguments) {
    if (argument != name) continue;
    const std::optional<size_t> index = spec.inputs[0]->IndexOf(column);
    if (!index) return Bad("no column `" + column + "`");
    of = (*spec.inputs[0])[*index].type;
    result.column = static_cast<int64_t>(*index);
    result.type = of.dtype;
  }
  if ((result.column >= 0) != (contract->num_args > 0)) return Bad("`" + name + "` of what?");
  Result<Type> type = contract->result_type(of);
  if (!type) return std::move(type).error();
  result.result = std::move(*type);
  if (const engine::Value* count = how->Find("count"); count != nullptr && count->AsInt()) {
    result.count = *count->AsInt();
  }
  if (contract->num_args == 2 && result.count <= 0) return Bad("`" + name + "` wants a `count`");
  return result;
}

Result<std::vector<size_t>> FindKeys(const engine::OperatorSpec& spec) {
  std::vector<size_t> keys;
  for (const auto& [name, column] : spec.step.arguments) {
    if (!name.empty()) continue;
    const std::optional<size_t> index = spec.inputs[0]->IndexOf(column);
    if (!index || !CanBeKey((*spec.inputs[0])[*index].type)) {
      return Bad("`" + column + "` is no key");
    }
    keys.push_back(*index);
  }
  if (keys.empty()) return Bad("there are no keys");
  return keys;
}

}  // namespace

Result<engine::AnyOperator> MakeAgg(const engine::OperatorSpec& spec) {
  if (spec.inputs.size() != 1 || spec.outputs.size() != 1) {
    return Bad("it has one input and one output");
  }
  engine::Catalog contracts;
  RegisterAggregateContracts(contracts);
  Result<std::vector<size_t>> keys = FindKeys(spec);
  if (!keys) return std::move(keys).error();
  std::vector<ResultColumn> results;
  std::vector<std::string> defined;
  for (const auto& [name, column] : spec.step.results) {
    Result<ResultColumn> result = FindResult(spec, name, contracts);
    if (!result) return std::move(result).error();
    results.push_back(std::move(*result));
    defined.push_back(column);
  }
  Result<Layout> layout = Layout::Make(*spec.inputs[0], spec.outputs[0], defined);
  if (!layout) return std::move(layout).error();
  return engine::AnyOperator(
      std::make_unique<Agg>(std::move(*keys), std::move(results), std::move(*layout)));
}

}  // namespace raceway::operators
