#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace raceway::engine {

std::string EncodeBase64(std::string_view bytes);
/// The bytes, or null for text that is no base64 (RFC 4648, padded).
std::optional<std::string> DecodeBase64(std::string_view text);

}  // namespace raceway::engine
