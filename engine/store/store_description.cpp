#include "engine/store/store_description.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

namespace raceway::engine {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kFormatMember[] = "raceway_store";

std::optional<Field> FieldOf(const Json& pair) {
  if (!pair.is_array() || pair.size() != 2 || !pair[0].is_string() || !pair[1].is_string()) {
    return std::nullopt;
  }
  const std::optional<Type> type = TypeFromString(pair[1].get<std::string>());
  if (!type) return std::nullopt;
  return Field{pair[0].get<std::string>(), *type};
}

}  // namespace

std::string ToJson(const StoreDescription& description) {
  Json json;
  json[kFormatMember] = StoreDescription::kFormat;
  for (const Field& field : description.schema.fields()) {
    json["schema"].push_back({field.name, ToString(field.type)});
  }
  json["rows"] = description.num_rows;
  return json.dump();
}

Result<StoreDescription> StoreDescriptionFromJson(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  const auto bad = [] { return Error{ErrorCode::kInvalidArgument, "its description is damaged"}; };
  if (!json.is_object() || !json.contains(kFormatMember) ||
      !json[kFormatMember].is_number_integer()) {
    return bad();
  }
  const auto format = json[kFormatMember].get<int64_t>();
  if (format != StoreDescription::kFormat) {
    return Error{ErrorCode::kUnsupported, "it has format " + std::to_string(format) +
                                              ", this release reads format " +
                                              std::to_string(StoreDescription::kFormat)};
  }
  if (!json.contains("schema") || !json["schema"].is_array() || json["schema"].empty() ||
      !json.contains("rows") || !json["rows"].is_number_integer()) {
    return bad();
  }
  std::vector<Field> fields;
  for (const Json& pair : json["schema"]) {
    std::optional<Field> field = FieldOf(pair);
    if (!field) return bad();
    fields.push_back(*std::move(field));
  }
  return StoreDescription{Schema(std::move(fields)), json["rows"].get<int64_t>()};
}

bool CanReadAs(const Type& stored, const Type& declared) {
  if (stored.dtype != declared.dtype || stored.shape.size() != declared.shape.size() ||
      (stored.optional && !declared.optional)) {
    return false;
  }
  for (size_t i = 0; i < stored.shape.size(); ++i) {
    const Dim& dim = declared.shape[i];
    if (dim.is_size() && dim != stored.shape[i]) return false;
    if (dim.is_size() || dim.symbol == "_") continue;
    // Sizes that the flow takes to be equal are.
    for (size_t j = 0; j < i; ++j) {
      const bool is_equal = stored.shape[j] == stored.shape[i] && stored.shape[i].symbol != "_";
      if (declared.shape[j] == dim && !is_equal) return false;
    }
  }
  return true;
}

}  // namespace raceway::engine
