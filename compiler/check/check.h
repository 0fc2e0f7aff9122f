#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "compiler/plan/logical_plan.h"
#include "compiler/testing/test_case.h"
#include "dsl/ast.h"
#include "dsl/diagnostic.h"
#include "dsl/parse.h"
#include "engine/catalog.h"

namespace raceway::compiler {

class Facts;  // compiler/check/facts.h

struct CheckOptions {
  /// The flow to make a plan of; none: only look for mistakes.
  std::optional<std::string> flow;
  /// `--set name=value`, the value as it would stand in the file.
  std::vector<std::pair<std::string, std::string>> params;
  /// Also make plans of the flows that tests run.
  bool plan_tests = false;
  /// Filled with what editors show, if there is one.
  Facts* facts = nullptr;
};

struct CheckResult {
  dsl::Diagnostics diagnostics;  // of the checker alone, not of the parser
  /// There is one if a flow was asked for and nothing is wrong with the file.
  std::optional<LogicalPlan> plan;
  /// The tests of the file, checked; none if a flow was asked for.
  std::vector<TestCase> tests;
  /// A mistake that has no place in the file: `--set` of an unknown parameter. Else empty.
  std::string usage_error;
};

/// Syntax → logical plan: names, types, shapes, rows. Every flow of the file is checked by itself
/// against its own signature; the one asked for becomes a plan, the flows it applies inlined.
///
/// Errors   all of them, in `diagnostics`; one mistake is reported once
/// Threads  pure
CheckResult Check(const dsl::ParseResult& parsed, const engine::Catalog& catalog,
                  const CheckOptions& options);

}  // namespace raceway::compiler
