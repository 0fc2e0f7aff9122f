#pragma once

#include <vector>

#include "compiler/check/declarations.h"
#include "compiler/testing/test_case.h"
#include "dsl/ast.h"
#include "dsl/diagnostic.h"

namespace raceway::compiler {

/// Checks the tests of a file against the signatures of its flows and functions. What a test says
/// of a flow that has mistakes itself is not looked into.
std::vector<TestCase> CheckTests(const dsl::ast::File& file, const Declarations& declarations,
                                 dsl::Diagnostics& diagnostics);

/// Calls functions in a plan by their names in `declarations`, where an imported flow knows them by
/// others: so that a stub finds them.
void NameFunctions(LogicalPlan& plan, const Declarations& declarations);

}  // namespace raceway::compiler
