#pragma once

#include <map>
#include <string>

#include "compiler/lower/lower.h"
#include "dsl/ast.h"

namespace raceway::compiler {

/// Reads what lies beside the files of those models that say not what they take and give, by what
/// they have as `source`. `folder` is that of `file`. A file that cannot be read is left out.
std::map<std::string, FileText> ReadSidecars(const dsl::ast::File& file, const std::string& folder,
                                             Files& files);

}  // namespace raceway::compiler
