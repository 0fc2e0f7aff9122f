#include "tools/raceway/merge_sarif.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

namespace raceway::tools {

using nlohmann::ordered_json;

std::string MergeSarif(const std::vector<std::string>& logs) {
  ordered_json merged;
  std::map<std::string, ordered_json> rules;  // by their codes
  std::set<std::string> said;
  ordered_json results = ordered_json::array();
  for (const std::string& log : logs) {
    ordered_json parsed = ordered_json::parse(log);
    ordered_json& run = parsed["runs"][0];
    for (ordered_json& rule : run["tool"]["driver"]["rules"]) rules[rule["id"]] = rule;
    for (ordered_json& result : run["results"]) {
      result.erase("ruleIndex");  // a place in the rules of its own log
      if (said.insert(result.dump()).second) results.push_back(std::move(result));
    }
    if (merged.is_null()) merged = std::move(parsed);
  }
  ordered_json all = ordered_json::array();
  for (const auto& [code, rule] : rules) all.push_back(rule);
  for (ordered_json& result : results) {
    const auto place = rules.find(result["ruleId"]);
    result["ruleIndex"] = std::distance(rules.begin(), place);
  }
  merged["runs"][0]["tool"]["driver"]["rules"] = std::move(all);
  merged["runs"][0]["results"] = std::move(results);
  return merged.dump(2) + "\n";
}

}  // namespace raceway::tools
