#include "operators/lookup.h"

#include <ATen/ops/tensor.h>
#include <c10/core/InferenceMode.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/data/key_text.h"

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
         std::vector<size_t> columns, Miss miss, Layout layout)
      : name_(std::move(name)),
        store_(std::move(store)),
        key_(key),
        columns_(std::move(columns)),
        miss_(miss),
        layout_(std::move(layout)) {}

  Result<Batch> Run(Batch input, engine::RunContext& context) const override {
    if (input.num_rows() == 0) return Batch::Empty(layout_.output());
    const c10::InferenceMode inference;
    Result<Store::Found> found = store_->Find(input.column(key_), columns_, context.cancel);
    if (!found) return std::move(found).error();
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
  size_t key_;                   // column of the input
  std::vector<size_t> columns_;  // of the store
  Miss miss_;
  Layout layout_;
};

Error Bad(const std::string& what) { return {ErrorCode::kInvalidArgument, "lookup: " + what}; }

/// The text of an option, empty if there is none.
std::string TextOf(const Value& options, std::string_view key) {
  const Value* value = options.Find(key);
  return value != nullptr && value->AsString() != nullptr ? *value->AsString() : std::string();
}

Result<Schema> ReadSchema(const Value& options) {
  const Value* schema = options.Find("schema");
  const Value::List* list = schema == nullptr ? nullptr : schema->AsList();
  std::vector<engine::Field> fields;
  for (size_t i = 0; list != nullptr && i < list->size(); ++i) {
    const Value::List* pair = (*list)[i].AsList();
    const bool is_pair = pair != nullptr && pair->size() == 2 && (*pair)[0].AsString() != nullptr &&
                         (*pair)[1].AsString() != nullptr;
    const std::optional<Type> type =
        is_pair ? engine::TypeFromString(*(*pair)[1].AsString()) : std::nullopt;
    if (!type) return Bad("`schema` wants pairs of a name and a type");
    fields.push_back({*(*pair)[0].AsString(), *type});
  }
  if (fields.empty()) return Bad("there is no `schema`");
  return Schema(std::move(fields));
}

Result<engine::StoreSpec> ReadStore(const engine::OperatorSpec& spec) {
  const Value options(spec.step.options);
  Result<Schema> schema = ReadSchema(options);
  if (!schema) return std::move(schema).error();
  return engine::StoreSpec{.name = TextOf(options, "store"),
                           .kind = TextOf(options, "kind"),
                           .source = TextOf(options, "source"),
                           .base_dir = spec.base_dir,
                           .sha256 = TextOf(options, "sha256"),
                           .schema = *std::move(schema)};
}

Result<Miss> ReadMiss(const engine::OperatorSpec& spec) {
  const std::string miss = TextOf(Value(spec.step.options), "miss");
  if (miss == "fail") return Miss::kFail;
  if (miss == "drop") return Miss::kDrop;
  if (miss == "null") return Miss::kNull;
  return Bad("`miss` cannot be \"" + miss + "\"");
}

/// The input's column of keys.
Result<size_t> FindKey(const engine::OperatorSpec& spec, const Type& wanted) {
  const auto& arguments = spec.step.arguments;
  const std::optional<size_t> key =
      arguments.size() == 1 ? spec.inputs[0]->IndexOf(arguments[0].second) : std::nullopt;
  if (!key || (*spec.inputs[0])[*key].type != wanted) {
    return Bad("it wants one key, " + ToString(wanted));
  }
  return *key;
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
  const Result<engine::StoreSpec> store_spec = ReadStore(spec);
  if (!store_spec) return store_spec.error();
  const Result<Miss> miss = ReadMiss(spec);
  if (!miss) return miss.error();
  const Result<size_t> key = FindKey(spec, store_spec->schema[0].type);
  if (!key) return key.error();
  Result<std::vector<size_t>> columns = FindColumns(spec, store_spec->schema, *miss);
  if (!columns) return std::move(columns).error();
  std::vector<std::string> defined;
  for (const auto& [name, column] : spec.step.results) defined.push_back(column);
  Result<Layout> layout = Layout::Make(*spec.inputs[0], spec.outputs[0], defined);
  if (!layout) return std::move(layout).error();
  Result<std::shared_ptr<const Store>> store = (*spec.open_store)(*store_spec);
  if (!store) return std::move(store).error();
  return engine::AnyOperator(std::make_unique<Lookup>(
      store_spec->name, *std::move(store), *key, *std::move(columns), *miss, *std::move(layout)));
}

}  // namespace raceway::operators
