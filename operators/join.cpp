#include "operators/join.h"

#include <ATen/core/TensorBody.h>
#include <c10/core/InferenceMode.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "operators/groups.h"

namespace raceway::operators {
namespace {

using engine::Batch;
using engine::Column;
using engine::Error;
using engine::ErrorCode;
using engine::Result;
using engine::SchemaPtr;

/// Rows that belong together: pair i is left row `left[i]` and right row `right[i]`.
struct Pairs {
  std::vector<int64_t> left;
  std::vector<int64_t> right;
};

template <typename Key, typename LeftKey, typename RightKey>
Pairs Match(int64_t num_left, const LeftKey& left_key, int64_t num_right,
            const RightKey& right_key) {
  std::unordered_map<Key, std::vector<int64_t>> rows_of;
  rows_of.reserve(static_cast<size_t>(num_right));
  for (int64_t row = 0; row < num_right; ++row) rows_of[right_key(row)].push_back(row);
  Pairs pairs;
  for (int64_t row = 0; row < num_left; ++row) {
    const auto found = rows_of.find(left_key(row));
    if (found == rows_of.end()) continue;
    pairs.left.insert(pairs.left.end(), found->second.size(), row);
    pairs.right.insert(pairs.right.end(), found->second.begin(), found->second.end());
  }
  return pairs;
}

/// i64[rows] with equal numbers for equal keys.
at::Tensor Numbers(const Column& key) {
  const at::Tensor dense = key.dense().contiguous();
  return dense.scalar_type() == at::kUInt64 ? dense.view(at::kLong) : dense.to(at::kLong);
}

Pairs MatchKeys(const Column& left, const Column& right) {
  if (left.is_text()) {
    return Match<std::string_view>(
        left.num_rows(), [&](int64_t row) { return left.text()[row]; }, right.num_rows(),
        [&](int64_t row) { return right.text()[row]; });
  }
  const at::Tensor left_numbers = Numbers(left);
  const at::Tensor right_numbers = Numbers(right);
  const int64_t* left_data = left_numbers.const_data_ptr<int64_t>();
  const int64_t* right_data = right_numbers.const_data_ptr<int64_t>();
  return Match<int64_t>(
      left.num_rows(), [left_data](int64_t row) { return left_data[row]; }, right.num_rows(),
      [right_data](int64_t row) { return right_data[row]; });
}

Pairs MatchRowIds(const Batch& left, const Batch& right) {
  return Match<int64_t>(
      left.num_rows(), [&](int64_t row) { return left.RowId(row); }, right.num_rows(),
      [&](int64_t row) { return right.RowId(row); });
}

/// The columns to join by, of the left and of the right table.
using Keys = std::pair<size_t, size_t>;

/// Where a column of the output comes from.
struct From {
  bool is_right = false;
  size_t column = 0;
};

class Join final : public engine::Merger {
 public:
  Join(std::optional<Keys> keys, std::vector<From> columns, SchemaPtr output)
      : keys_(keys), columns_(std::move(columns)), output_(std::move(output)) {}

  Result<Batch> Run(std::span<Batch> inputs, engine::RunContext& /*context*/) const override {
    const c10::InferenceMode inference;
    const Batch& left = inputs[0];
    const Batch& right = inputs[1];
    const Pairs pairs = keys_ ? MatchKeys(left.column(keys_->first), right.column(keys_->second))
                              : MatchRowIds(left, right);
    if (pairs.left.empty()) return Batch::Empty(output_);
    std::vector<Column> columns;
    columns.reserve(columns_.size());
    for (const From& from : columns_) {
      columns.push_back(from.is_right ? right.column(from.column).Take(pairs.right)
                                      : left.column(from.column).Take(pairs.left));
    }
    auto row_ids = std::make_shared<std::vector<int64_t>>();
    row_ids->reserve(pairs.left.size());
    for (const int64_t row : pairs.left) row_ids->push_back(left.RowId(row));
    return Batch(output_, std::move(columns), static_cast<int64_t>(pairs.left.size()),
                 std::move(row_ids));
  }

 private:
  std::optional<Keys> keys_;
  std::vector<From> columns_;
  SchemaPtr output_;
};

Error Bad(const std::string& what) { return {ErrorCode::kInvalidArgument, "join: " + what}; }

Result<std::optional<Keys>> FindKeys(const engine::OperatorSpec& spec) {
  const auto& arguments = spec.step.arguments;
  if (arguments.empty()) return std::optional<Keys>();
  if (arguments.size() != 2 || arguments[0].first != "left" || arguments[1].first != "right") {
    return Bad("its keys are `left` and `right`");
  }
  const std::optional<size_t> left = spec.inputs[0]->IndexOf(arguments[0].second);
  const std::optional<size_t> right = spec.inputs[1]->IndexOf(arguments[1].second);
  if (!left || !right) return Bad("a key is not there");
  const engine::Type& type = (*spec.inputs[0])[*left].type;
  if (!CanBeKey(type) || (*spec.inputs[1])[*right].type != type) {
    return Bad(ToString(type) + " and " + ToString((*spec.inputs[1])[*right].type) +
               " cannot be keys");
  }
  return std::optional<Keys>({*left, *right});
}

/// A result of the right table, else the left table's column of that name, else the right one's.
Result<From> FindColumn(const engine::OperatorSpec& spec, const engine::Field& field) {
  From from;
  std::string name = field.name;
  for (const auto& [source, column] : spec.step.results) {
    if (column != field.name) continue;
    from.is_right = true;
    name = source;
  }
  std::optional<size_t> index =
      from.is_right ? std::optional<size_t>() : spec.inputs[0]->IndexOf(name);
  if (!index) {
    from.is_right = true;
    index = spec.inputs[1]->IndexOf(name);
  }
  if (!index || (*spec.inputs[from.is_right ? 1 : 0])[*index].type.dtype != field.type.dtype) {
    return Bad("no column `" + name + ": " + ToString(field.type) + "`");
  }
  from.column = *index;
  return from;
}

}  // namespace

Result<engine::AnyOperator> MakeJoin(const engine::OperatorSpec& spec) {
  if (spec.inputs.size() != 2 || spec.outputs.size() != 1) {
    return Bad("it has two inputs and one output");
  }
  Result<std::optional<Keys>> keys = FindKeys(spec);
  if (!keys) return std::move(keys).error();
  std::vector<From> columns;
  for (const engine::Field& field : spec.outputs[0]->fields()) {
    Result<From> from = FindColumn(spec, field);
    if (!from) return std::move(from).error();
    columns.push_back(*from);
  }
  return engine::AnyOperator(std::make_unique<Join>(*keys, std::move(columns), spec.outputs[0]));
}

}  // namespace raceway::operators
