#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dsl/diagnostic.h"

/// What things are called in other languages and systems.
namespace raceway::compiler {

enum class NameKind { kType, kOperator, kFunction, kConstant, kOnError };

/// Our word for `name`: `f32` for `float`, `filter` for `where`, `mean` for `avg`; else empty.
std::string_view OwnName(NameKind kind, std::string_view name);

/// Help and edit for a name that is all of `diagnostic.where`: our word for it, else the nearest of
/// `known`, or the list of them if none is near and `lists` is set.
void SuggestOwn(dsl::Diagnostic& diagnostic, NameKind kind, std::string_view name,
                const std::vector<std::string>& known, bool lists = false);

}  // namespace raceway::compiler
