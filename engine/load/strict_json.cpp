#include "engine/load/strict_json.h"

#include <string>
#include <unordered_set>
#include <vector>

namespace raceway::engine::load {

nlohmann::json ParseStrictJson(std::string_view text) {
  using Event = nlohmann::json::parse_event_t;
  std::vector<std::unordered_set<std::string>> names;  // of the objects around
  bool is_twice = false;
  const auto check = [&](int /*depth*/, Event event, nlohmann::json& value) {
    if (event == Event::object_start) names.emplace_back();
    if (event == Event::object_end) names.pop_back();
    if (event == Event::key) is_twice |= !names.back().insert(value.get<std::string>()).second;
    return true;
  };
  nlohmann::json json = nlohmann::json::parse(text, check, /*allow_exceptions=*/false);
  return is_twice ? nlohmann::json(nlohmann::json::value_t::discarded) : json;
}

}  // namespace raceway::engine::load
