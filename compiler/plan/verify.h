#pragma once

#include <optional>
#include <string>

#include "compiler/plan/logical_plan.h"

namespace raceway::compiler {

/// What is wrong with the plan, if anything: a stage that reads a later one, a step that reads a
/// column its input lacks, a column with two definitions or no type, a result from nowhere. Our
/// own mistake each time; run after the checker and after every rewrite.
std::optional<std::string> Verify(const LogicalPlan& plan);

}  // namespace raceway::compiler
