#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "compiler/check/declared_store.h"
#include "compiler/check/params.h"
#include "compiler/load/modules.h"
#include "compiler/models/check_models.h"
#include "compiler/models/named_files.h"
#include "compiler/plan/logical_plan.h"
#include "compiler/testing/test_case.h"
#include "dsl/ast.h"
#include "dsl/diagnostic.h"
#include "engine/catalog.h"

namespace raceway::compiler {

class Facts;  // compiler/check/facts.h

struct CheckOptions {
  /// The flow to make a plan of; none: only look for mistakes.
  std::optional<std::string> flow;
  /// Values of parameters; the last one for a name counts.
  std::vector<ParamSetting> params;
  /// `--hint ADDRESS=VALUE`
  std::vector<std::string> hints;
  /// Also make plans of the flows that tests run.
  bool plan_tests = false;
  /// Filled with what editors show, if there is one.
  Facts* facts = nullptr;
};

struct CheckResult {
  dsl::Diagnostics diagnostics;  // of the checker alone, not of the parser and the imports
  /// There is one if a flow was asked for and nothing is wrong with the file.
  std::optional<LogicalPlan> plan;
  /// The tests of the main file, checked; none if a flow was asked for.
  std::vector<TestCase> tests;
  /// The models of all files whose declarations are right.
  std::vector<DeclaredModel> models;
  /// The other files that all of them name.
  std::vector<NamedFile> files;
  /// The stores of the main file whose declarations are right.
  std::vector<DeclaredStore> stores;
  /// A mistake that has no place in the file: `--set` of an unknown parameter, `--hint` of an
  /// unknown step. Else empty.
  std::string usage_error;
  /// A value from outside does not suit its parameter; `diagnostics` say so at its declaration.
  bool is_badly_set = false;
};

/// Syntax → logical plan: names, types, shapes, rows. Every flow of every file is checked by itself
/// against its own signature; the one of the main file that is asked for becomes a plan, the flows
/// it applies inlined. `was_read` says whether parsing and importing went well: else no plan.
///
/// Errors   all of them, in `diagnostics`; one mistake is reported once
/// Threads  pure
CheckResult Check(const Modules& modules, bool was_read, const engine::Catalog& catalog,
                  const CheckOptions& options);

}  // namespace raceway::compiler
