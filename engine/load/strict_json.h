#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

namespace raceway::engine::load {

/// The value of a text; discarded (`is_discarded()`) where it is no JSON or an object in it has a
/// name twice, which others would read in another way than we.
nlohmann::json ParseStrictJson(std::string_view text);

}  // namespace raceway::engine::load
