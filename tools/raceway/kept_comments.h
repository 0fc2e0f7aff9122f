#pragma once

#include <string>
#include <string_view>

namespace raceway::tools {

/// `rows`, a list of records as text, with the comments of the list `old` that it takes the place
/// of: each stays with the record of the same number, those of records that are gone at the end.
/// Without comments in `old` it is `rows` as it is.
std::string WithComments(std::string_view old, const std::string& rows);

}  // namespace raceway::tools
