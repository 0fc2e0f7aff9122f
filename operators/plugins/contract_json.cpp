#include "operators/plugins/contract_json.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

namespace raceway::operators {
namespace {

using engine::Error;
using engine::ErrorCode;
using engine::Field;
using engine::FunctionContract;
using engine::Result;
using engine::SettingContract;
using nlohmann::json;

/// Raised whenever texts of before would be misunderstood: they are kept on disk.
constexpr int kFormat = 1;

json AsJson(const std::vector<Field>& fields) {
  json list = json::array();
  for (const Field& field : fields) {
    list.push_back({{"name", field.name}, {"type", ToString(field.type)}});
  }
  return list;
}

json AsJson(const SettingContract& setting) {
  json out = {{"name", setting.name},
              {"kind", static_cast<int>(setting.kind)},
              {"required", setting.required},
              {"allowed", setting.allowed},
              {"doc", setting.doc}};
  if (setting.least) out["least"] = *setting.least;
  if (setting.greatest) out["greatest"] = *setting.greatest;
  return out;
}

json AsJson(const FunctionContract& contract) {
  json settings = json::array();
  for (const SettingContract& setting : contract.settings) settings.push_back(AsJson(setting));
  return {{"name", contract.name},
          {"params", AsJson(contract.params)},
          {"results", AsJson(contract.results)},
          {"settings", std::move(settings)},
          {"doc", contract.doc}};
}

// What follows throws json::exception where something is not as it should be.

std::vector<Field> FieldsFrom(const json& from) {
  std::vector<Field> fields;
  for (const json& field : from) {
    const std::string text = field.at("type");
    const std::optional<engine::Type> type = engine::TypeFromString(text);
    if (!type) throw json::other_error::create(600, "no type: " + text, &field);
    fields.push_back({field.at("name"), *type});
  }
  return fields;
}

std::optional<double> BoundFrom(const json& setting, const char* key) {
  if (!setting.contains(key)) return std::nullopt;
  return setting.at(key).get<double>();
}

SettingContract SettingFrom(const json& from) {
  SettingContract setting;
  setting.name = from.at("name");
  const int kind = from.at("kind");
  if (kind < 0 || kind > static_cast<int>(SettingContract::Kind::kFile)) {
    throw json::other_error::create(600, "no kind of a setting", &from);
  }
  setting.kind = static_cast<SettingContract::Kind>(kind);
  setting.required = from.at("required");
  setting.allowed = from.at("allowed").get<std::vector<std::string>>();
  setting.doc = from.at("doc");
  setting.least = BoundFrom(from, "least");
  setting.greatest = BoundFrom(from, "greatest");
  return setting;
}

FunctionContract ContractFrom(const json& from) {
  FunctionContract contract;
  contract.name = from.at("name");
  contract.params = FieldsFrom(from.at("params"));
  contract.results = FieldsFrom(from.at("results"));
  for (const json& setting : from.at("settings")) contract.settings.push_back(SettingFrom(setting));
  contract.doc = from.at("doc");
  return contract;
}

}  // namespace

std::string ContractsAsJson(const Result<std::vector<FunctionContract>>& contracts) {
  json out = {{"format", kFormat}};
  if (contracts.ok()) {
    out["functions"] = json::array();
    for (const FunctionContract& contract : *contracts) {
      out["functions"].push_back(AsJson(contract));
    }
  } else {
    out["code"] = static_cast<int>(contracts.error().code);
    out["message"] = contracts.error().message;
  }
  // Texts of libraries may hold any bytes.
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<std::vector<FunctionContract>> ContractsFromJson(const std::string& text) {
  try {
    const json from = json::parse(text);
    if (from.at("format") != kFormat) return Error{ErrorCode::kInternal, "another format"};
    if (from.contains("code")) {
      return Error{static_cast<ErrorCode>(from.at("code").get<int>()), from.at("message")};
    }
    std::vector<FunctionContract> contracts;
    for (const json& function : from.at("functions")) contracts.push_back(ContractFrom(function));
    return contracts;
  } catch (const json::exception& exception) {
    return Error{ErrorCode::kInternal, exception.what()};
  }
}

}  // namespace raceway::operators
