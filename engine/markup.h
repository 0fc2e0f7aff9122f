#pragma once

#include <string>
#include <string_view>

namespace raceway::engine {

/// For text and quoted attributes of XML, labels in Graphviz's markup and, without `<`, its
/// strings. Control characters become blanks.
std::string EscapedMarkup(std::string_view text);

}  // namespace raceway::engine
