#include "operators/store_options.h"

#include <optional>
#include <utility>
#include <vector>

namespace raceway::operators {
namespace {

using engine::Error;
using engine::Result;
using engine::Schema;
using engine::Type;
using engine::Value;

Error Bad(const engine::OperatorSpec& spec, const std::string& what) {
  return {engine::ErrorCode::kInvalidArgument, spec.step.op + ": " + what};
}

Result<Schema> ReadSchema(const engine::OperatorSpec& spec, const Value& options) {
  const Value* schema = options.Find("schema");
  const Value::List* list = schema == nullptr ? nullptr : schema->AsList();
  std::vector<engine::Field> fields;
  for (size_t i = 0; list != nullptr && i < list->size(); ++i) {
    const Value::List* pair = (*list)[i].AsList();
    const bool is_pair = pair != nullptr && pair->size() == 2 && (*pair)[0].AsString() != nullptr &&
                         (*pair)[1].AsString() != nullptr;
    const std::optional<Type> type =
        is_pair ? engine::TypeFromString(*(*pair)[1].AsString()) : std::nullopt;
    if (!type) return Bad(spec, "`schema` wants pairs of a name and a type");
    fields.push_back({*(*pair)[0].AsString(), *type});
  }
  if (fields.empty()) return Bad(spec, "there is no `schema`");
  return Schema(std::move(fields));
}

}  // namespace

std::string TextOption(const Value& options, std::string_view key) {
  const Value* value = options.Find(key);
  return value != nullptr && value->AsString() != nullptr ? *value->AsString() : std::string();
}

Result<engine::StoreSpec> ReadStoreOptions(const engine::OperatorSpec& spec) {
  const Value options(spec.step.options);
  Result<Schema> schema = ReadSchema(spec, options);
  if (!schema) return std::move(schema).error();
  const Value* cache = options.Find("cache");
  const int64_t* cache_bytes = cache == nullptr ? nullptr : cache->AsInt();
  return engine::StoreSpec{.name = TextOption(options, "store"),
                           .kind = TextOption(options, "kind"),
                           .source = TextOption(options, "source"),
                           .base_dir = spec.base_dir,
                           .sha256 = TextOption(options, "sha256"),
                           .schema = *std::move(schema),
                           .cache_bytes = cache_bytes == nullptr ? 0 : *cache_bytes,
                           .metric = TextOption(options, "metric")};
}

Result<size_t> FindKey(const engine::OperatorSpec& spec, const Type& wanted) {
  const auto& arguments = spec.step.arguments;
  const std::optional<size_t> key =
      arguments.size() == 1 ? spec.inputs[0]->IndexOf(arguments[0].second) : std::nullopt;
  if (!key || (*spec.inputs[0])[*key].type != wanted) {
    return Bad(spec, "it wants one key, " + ToString(wanted));
  }
  return *key;
}

}  // namespace raceway::operators
