#pragma once

#include <string>

#include "compiler/plan/logical_plan.h"

namespace raceway::compiler {

/// What a lookup does with a key that has no row: "fail", "null", "drop".
std::string MissOf(const Step& lookup);

/// Whether rows may go in `step`, which hands on the others as they come.
bool TakesOutRows(const Step& step);

}  // namespace raceway::compiler
