#include "operators/join.h"

#include <ATen/core/TensorBody.h>
#include <c10/core/InferenceMode.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/data/key_type.h"
#include "engine/data/longs.h"
#include "operators/groups.h"
#include "operators/key_map.h"

namespace raceway::operators {
namespace {

using engine::Batch;
using engine::Column;
using engine::Error;
using engine::ErrorCode;
using engine::Result;
using engine::Schema;
using engine::SchemaPtr;

enum class How { kInner, kLeft, kFull };

/// Rows that belong together: pair i is left row `left[i]` and right row `right[i]`. -1 where a row
/// has no partner.
struct Pairs {
  std::vector<int64_t> left;
  std::vector<int64_t> right;
};

/// Pairs up the rows of the right table that have no partner yet with none.
void AddUnmatched(int64_t num_right, Pairs& pairs) {
  std::vector<bool> is_matched(static_cast<size_t>(num_right), false);
  for (const int64_t row : pairs.right) {
    if (row >= 0) is_matched[static_cast<size_t>(row)] = true;
  }
  for (int64_t row = 0; row < num_right; ++row) {
    if (is_matched[static_cast<size_t>(row)]) continue;
    pairs.left.push_back(-1);
    pairs.right.push_back(row);
  }
}

/// The rows of the right table by their keys: the first row of each, and for each row the next one
/// with the same key, -1 after the last.
template <typename Key>
class RowsByKey {
 public:
  template <typename KeyOf>
  RowsByKey(int64_t num_rows, const KeyOf& key_of) : next_(static_cast<size_t>(num_rows), -1) {
    first_.reserve(next_.size());
    for (int64_t row = num_rows; row-- > 0;) {  // backwards, so that chains count up
      const auto [first, is_new] = first_.insert({key_of(row), row});
      if (!is_new) next_[static_cast<size_t>(row)] = std::exchange(first->second, row);
    }
  }
  /// -1 where no row has this key.
  int64_t First(const Key& key) const {
    const auto found = first_.find(key);
    return found == first_.end() ? -1 : found->second;
  }
  int64_t Next(int64_t row) const { return next_[static_cast<size_t>(row)]; }

 private:
  KeyMap<Key> first_;
  std::vector<int64_t> next_;
};

template <typename Key, typename LeftKey, typename RightKey>
Pairs Match(How how, int64_t num_left, const LeftKey& left_key, int64_t num_right,
            const RightKey& right_key) {
  const RowsByKey<Key> rows_of(num_right, right_key);
  Pairs pairs;
  pairs.left.reserve(static_cast<size_t>(num_left));
  pairs.right.reserve(static_cast<size_t>(num_left));
  for (int64_t row = 0; row < num_left; ++row) {
    int64_t partner = rows_of.First(left_key(row));
    if (partner < 0 && how == How::kInner) continue;
    do {
      pairs.left.push_back(row);
      pairs.right.push_back(partner);
      if (partner >= 0) partner = rows_of.Next(partner);
    } while (partner >= 0);
  }
  if (how == How::kFull) AddUnmatched(num_right, pairs);
  return pairs;
}

Pairs MatchKeys(How how, const Column& left, const Column& right) {
  if (left.is_text()) {
    return Match<std::string_view>(
        how, left.num_rows(), [&](int64_t row) { return left.text()[row]; }, right.num_rows(),
        [&](int64_t row) { return right.text()[row]; });
  }
  const at::Tensor left_numbers = engine::Longs(left.dense());
  const at::Tensor right_numbers = engine::Longs(right.dense());
  const int64_t* left_data = left_numbers.const_data_ptr<int64_t>();
  const int64_t* right_data = right_numbers.const_data_ptr<int64_t>();
  return Match<int64_t>(
      how, left.num_rows(), [left_data](int64_t row) { return left_data[row]; }, right.num_rows(),
      [right_data](int64_t row) { return right_data[row]; });
}

Pairs MatchRowIds(How how, const Batch& left, const Batch& right) {
  return Match<int64_t>(
      how, left.num_rows(), [&](int64_t row) { return left.RowId(row); }, right.num_rows(),
      [&](int64_t row) { return right.RowId(row); });
}

/// The columns to join by, of the left and of the right table.
using Keys = std::pair<size_t, size_t>;

/// Where a column of the output comes from: one table, or the left one and else the right one.
struct From {
  std::optional<size_t> left;
  std::optional<size_t> right;
  engine::Type type;
};

Column TakeEither(const Column& left, const Column& right, const Pairs& pairs) {
  const Column inputs[] = {left, right};
  std::vector<std::pair<int32_t, int64_t>> from;
  from.reserve(pairs.left.size());
  for (size_t i = 0; i < pairs.left.size(); ++i) {
    const bool is_left = pairs.left[i] >= 0;
    from.emplace_back(is_left ? 0 : 1, is_left ? pairs.left[i] : pairs.right[i]);
  }
  return Column::Gather(inputs, from);
}

class Join final : public engine::Merger {
 public:
  Join(How how, std::optional<Keys> keys, std::vector<From> columns, SchemaPtr output)
      : how_(how), keys_(keys), columns_(std::move(columns)), output_(std::move(output)) {}

  Result<Batch> Run(std::span<Batch> inputs, engine::RunContext& /*context*/) const override {
    const c10::InferenceMode inference;
    const Batch& left = inputs[0];
    const Batch& right = inputs[1];
    const Pairs pairs =
        keys_ ? MatchKeys(how_, left.column(keys_->first), right.column(keys_->second))
              : MatchRowIds(how_, left, right);
    if (pairs.left.empty()) return Batch::Empty(output_);
    std::vector<Column> columns;
    columns.reserve(columns_.size());
    for (const From& from : columns_) {
      columns.push_back(
          !from.right  ? left.column(*from.left).TakeOrNull(pairs.left, from.type)
          : !from.left ? right.column(*from.right).TakeOrNull(pairs.right, from.type)
                       : TakeEither(left.column(*from.left), right.column(*from.right), pairs));
    }
    auto row_ids = std::make_shared<std::vector<int64_t>>();
    row_ids->reserve(pairs.left.size());
    for (size_t i = 0; i < pairs.left.size(); ++i) {
      row_ids->push_back(pairs.left[i] >= 0 ? left.RowId(pairs.left[i])
                                            : right.RowId(pairs.right[i]));
    }
    return Batch(output_, std::move(columns), static_cast<int64_t>(pairs.left.size()),
                 std::move(row_ids));
  }

 private:
  How how_;
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

Result<How> FindHow(const engine::OperatorSpec& spec) {
  const engine::Value options(spec.step.options);
  const engine::Value* how = options.Find("how");
  if (how == nullptr) return How::kInner;
  if (*how == engine::Value("left")) return How::kLeft;
  if (*how == engine::Value("full")) return How::kFull;
  return Bad("`how` cannot be " + ToString(*how));
}

/// Whether rows of one table, some of them without a partner, can be of type `to`.
bool CanBecome(const engine::Type& from, const engine::Type& to, bool may_be_missing) {
  return from.dtype == to.dtype && from.shape.size() == to.shape.size() &&
         (to.optional || (!from.optional && !may_be_missing));
}

/// Where the step says that a column of its own comes from: a result is one of the right table, a
/// source names one of each side, or none.
std::optional<std::pair<std::string, std::string>> FindSource(const engine::StepSpec& step,
                                                              const std::string& column) {
  for (const auto& [source, defined] : step.results) {
    if (defined == column) return std::pair(std::string(), source);
  }
  for (const auto& [defined, sources] : step.sources) {
    if (defined == column && sources.size() == 2) return std::pair(sources[0], sources[1]);
  }
  return std::nullopt;
}

/// What has no source of its own comes under its name: from the left table if that has it, and in a
/// full join from both.
Result<From> FindColumn(const engine::OperatorSpec& spec, How how, const engine::Field& field) {
  const Schema& left = *spec.inputs[0];
  const Schema& right = *spec.inputs[1];
  From from{left.IndexOf(field.name), right.IndexOf(field.name), field.type};
  if (from.left && how != How::kFull) from.right.reset();
  if (const auto source = FindSource(spec.step, field.name)) {
    from.left = left.IndexOf(source->first);
    from.right = right.IndexOf(source->second);
  }
  const bool is_both = from.left && from.right;
  const bool left_fits =
      !from.left || CanBecome(left[*from.left].type, field.type, how == How::kFull && !is_both);
  const bool right_fits =
      !from.right || CanBecome(right[*from.right].type, field.type, how != How::kInner && !is_both);
  if ((!from.left && !from.right) || !left_fits || !right_fits) {
    return Bad("no column `" + field.name + ": " + ToString(field.type) + "`");
  }
  return from;
}

}  // namespace

Result<engine::AnyOperator> MakeJoin(const engine::OperatorSpec& spec) {
  if (spec.inputs.size() != 2 || spec.outputs.size() != 1) {
    return Bad("it has two inputs and one output");
  }
  Result<std::optional<Keys>> keys = FindKeys(spec);
  if (!keys) return std::move(keys).error();
  const Result<How> how = FindHow(spec);
  if (!how) return how.error();
  std::vector<From> columns;
  for (const engine::Field& field : spec.outputs[0]->fields()) {
    Result<From> from = FindColumn(spec, *how, field);
    if (!from) return std::move(from).error();
    columns.push_back(*from);
  }
  return engine::AnyOperator(
      std::make_unique<Join>(*how, *keys, std::move(columns), spec.outputs[0]));
}

}  // namespace raceway::operators
