#pragma once

#include <string>

namespace raceway::tools {

/// What turns `before` into `after`, in the form of `diff -u` without its two first lines. Empty
/// if they are the same. Behind the second `@@` of a hunk stands the last line above it that is not
/// indented.
std::string LineDiff(const std::string& before, const std::string& after);

}  // namespace raceway::tools
