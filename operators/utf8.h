#pragma once

#include <cstddef>
#include <string_view>

namespace raceway::operators {

/// The number of bytes before the first that is not UTF-8; all of them where the text is.
size_t Utf8PrefixLength(std::string_view text);

}  // namespace raceway::operators
