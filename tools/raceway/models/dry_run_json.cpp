#include "tools/raceway/models/dry_run_json.h"

#include <exception>
#include <nlohmann/json.hpp>

namespace raceway::tools {
namespace {

using engine::DryRun;
using engine::DryRunAnswer;
using engine::DryRunOutput;
using engine::Error;
using engine::ErrorCode;
using engine::Result;
using nlohmann::json;

json AsJson(const DryRunAnswer& answer) {
  json outputs = json::array();
  for (const DryRunOutput& output : answer.outputs) {
    outputs.push_back({{"name", output.name},
                       {"other", output.other},
                       {"dtype", static_cast<int>(output.dtype)},
                       {"sizes", output.sizes}});
  }
  return {{"error", answer.error}, {"is_dictionary", answer.is_dictionary}, {"outputs", outputs}};
}

DryRunAnswer AnswerFrom(const json& from) {
  DryRunAnswer answer{from.at("error"), from.at("is_dictionary"), {}};
  for (const json& output : from.at("outputs")) {
    answer.outputs.push_back({output.at("name"), output.at("other"),
                              static_cast<engine::DataType>(output.at("dtype").get<int>()),
                              output.at("sizes").get<std::vector<int64_t>>()});
  }
  return answer;
}

}  // namespace

std::string DryRunAsJson(const Result<DryRun>& run) {
  json out;
  if (run.ok()) {
    out = {
        {"min_inputs", run->min_inputs}, {"max_inputs", run->max_inputs}, {"misfit", run->misfit}};
    out["answers"] = json::array();
    for (const DryRunAnswer& answer : run->answers) out["answers"].push_back(AsJson(answer));
  } else {
    out = {{"code", static_cast<int>(run.error().code)}, {"message", run.error().message}};
  }
  // Messages of models may hold any bytes.
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<DryRun> DryRunFromJson(const std::string& text) {
  try {
    const json from = json::parse(text);
    if (from.contains("code")) {
      return Error{static_cast<ErrorCode>(from.at("code").get<int>()), from.at("message")};
    }
    DryRun run{from.at("min_inputs"), from.at("max_inputs"), from.at("misfit"), {}};
    for (const json& answer : from.at("answers")) run.answers.push_back(AnswerFrom(answer));
    return run;
  } catch (const json::exception& exception) {
    return Error{ErrorCode::kInternal, exception.what()};
  }
}

}  // namespace raceway::tools
