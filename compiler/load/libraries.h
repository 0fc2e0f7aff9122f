#pragma once

#include <map>
#include <string>
#include <vector>

#include "compiler/lower/lower.h"
#include "dsl/ast.h"
#include "engine/catalog.h"
#include "engine/result.h"

namespace raceway::compiler {

/// The functions in the libraries that the `fn`s of `file` name, by what they have as `library`.
/// `folder` is that of `file`. Each library is looked into once.
std::map<std::string, engine::Result<std::vector<engine::FunctionContract>>> ReadLibraries(
    const dsl::ast::File& file, const std::string& folder, Files& files);

}  // namespace raceway::compiler
