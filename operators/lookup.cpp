#include "operators/lookup.h"

#include <ATen/ops/tensor.h>
#include <c10/core/InferenceMode.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/data/key_text.h"
#include "engine/data/plain_tensor.h"
#include "operators/row_errors.h"
#include "operators/store_options.h"

namespace raceway::operators {
namespace {

using engine::Batch;
using engine::Column;
using engine::Error;
using engine::ErrorCode;
using engine::Layout;
using engine::Result;
using engine::Schema;
using engine::Store;
using engine::Type;
using engine::Value;

enum class Miss { kFail, kDrop, kNull };

class Lookup final : public engine::Operator {
 public:
  Lookup(std::string name, std::shared_ptr<const Store> store, size_t key,
         std::vector<size_t> columns, std::vector<std::string> results, Miss miss, Layout layout)
      : name_(std::move(name)),
        store_(std::move(store)),
        key_(key),
        columns_(std::move(columns)),
        results_(std::move(results)),
        miss_(miss),
        layout_(std::move(layout)) {}

  Result<Batch> Run(Batch input, engine::RunContext& context) const override {
    if (input.num_rows() == 0) return Batch::Empty(layout_.output());
    const c10::InferenceMode inference;
    Result<Store::Found> found = store_->Find(input.column(key_), columns_, context.cancel);
    if (!found) return WithRowId(std::move(found).error(), input);
    for (size_t i = 0; i < results_.size(); ++i) {
      engine::Status plain = engine::CheckPlain(found->columns[i]);
      if (!plain) return WithRowId(NotPlain(results_[i], std::move(plain).error()), input);
    }
    std::vector<int64_t> there;
    std::optional<int64_t> missing;
    for (size_t row = 0; row < found->is_there.size(); ++row) {
      if (found->is_there[row]) {
        there.push_back(static_cast<int64_t>(row));
      } else if (!missing) {
        missing = static_cast<int64_t>(row);
      }
    }
    if (!missing) return layout_.SameRows(input, std::move(found->columns));
    if (miss_ == Miss::kFail) return NotThere(input, *missing);
    if (miss_ == Miss::kNull) {
      return layout_.SameRows(input, WithNulls(std::move(found->columns), found->is_there));
    }
    for (Column& column : found->columns) column = column.Take(there);
    return layout_.AnyRows(input, there, std::move(found->columns));
  }

 private:
  Error NotThere(const Batch& input, int64_t row) const {
    const Type& type = (*input.schema())[key_].type;
    return {.code = ErrorCode::kFailed,
            .message = "store " + name_ + " has no row for the key " +
                       engine::KeyText(input.column(key_), type, row),
            .row_id = input.RowId(row)};
  }

  Error NotPlain(const std::string& result, Error error) const {
    error.code = ErrorCode::kFailed;
    error.message.insert(0, "store " + name_ + ": `" + result + "` ");
    return error;
  }

  /// What the store itself has without a value stays without one.
  static std::vector<Column> WithNulls(std::vector<Column> columns,
                                       const std::vector<bool>& is_there) {
    const std::vector<int64_t> flags(is_there.begin(), is_there.end());
    const at::Tensor validity = at::tensor(flags, at::kLong).to(at::kBool);
    for (Column& column : columns) {
      const at::Tensor& own = column.validity();
      column = column.WithValidity(own.defined() ? validity.logical_and(own) : validity);
    }
    return columns;
  }

  std::string name_;  // of the store
  std::shared_ptr<const Store> store_;
  size_t key_;                        // column of the input
  std::vector<size_t> columns_;       // of the store
  std::vector<std::string> results_;  // what it calls them
  Miss miss_;
  Layout layout_;
};

Error Bad(const std::string& what) { return {ErrorCode::kInvalidArgument, "lookup: " + what}; }

Result<Miss> ReadMiss(const engine::OperatorSpec& spec) {
  const std::string miss = TextOption(Value(spec.step.options), "miss");
  if (miss == "fail") return Miss::kFail;
  if (miss == "drop") return Miss::kDrop;
  if (miss == "null") return Miss::kNull;
  return Bad("`miss` cannot be \"" + miss + "\"");
}

/// The store's columns that are wanted, as places in what a row gives.
Result<std::vector<size_t>> FindColumns(const engine::OperatorSpec& spec, const Schema& store,
                                        Miss miss) {
  std::vector<size_t> columns;
  for (const auto& [name, defined] : spec.step.results) {
    const std::optional<size_t> index = store.IndexOf(name);
    if (!index || *index == 0) return Bad("the store gives no `" + name + "`");
    const engine::Field* field = spec.outputs[0]->Find(defined);
    const Type& type = store[*index].type;
    const bool fits =
        field == nullptr ||
        (field->type.dtype == type.dtype && field->type.shape.size() == type.shape.size() &&
         field->type.optional == (type.optional || miss == Miss::kNull));
    if (!fits) return Bad("`" + name + "` of the store is " + ToString(type));
    columns.push_back(*index - 1);
  }
  return columns;
}

}  // namespace

Result<engine::AnyOperator> MakeLookup(const engine::OperatorSpec& spec) {
  if (spec.inputs.size() != 1 || spec.outputs.size() != 1) {
    return Bad("it has one input and one output");
  }
  if (spec.open_store == nullptr) return Bad("there are no stores here");
  const Result<engine::StoreSpec> store_spec = ReadStoreOptions(spec);
  if (!store_spec) return store_spec.error();
  const Result<Miss> miss = ReadMiss(spec);
  if (!miss) return miss.error();
  const Result<size_t> key = FindKey(spec, store_spec->schema[0].type);
  if (!key) return key.error();
  Result<std::vector<size_t>> columns = FindColumns(spec, store_spec->schema, *miss);
  if (!columns) return std::move(columns).error();
  std::vector<std::string> results;
  std::vector<std::string> defined;
  for (const auto& [name, column] : spec.step.results) {
    results.push_back(name);
    defined.push_back(column);
  }
  Result<Layout> layout = Layout::Make(*spec.inputs[0], spec.outputs[0], defined);
  if (!layout) return std::move(layout).error();
  Result<std::shared_ptr<const Store>> store = (*spec.open_store)(*store_spec);
  if (!store) return std::move(store).error();
  return engine::AnyOperator(std::make_unique<Lookup>(store_spec->name, *std::move(store), *key,
                                                      *std::move(columns), std::move(results),
                                                      *miss, *std::move(layout)));
}

}  // namespace raceway::operators
