#pragma once

#include <string>
#include <string_view>

namespace raceway::dsl {

/// A JSON string. Bytes that are not UTF-8, which a message may quote, become �.
std::string JsonQuote(std::string_view text);

/// `"name": "text"`
std::string JsonMember(std::string_view name, std::string_view text);

}  // namespace raceway::dsl
