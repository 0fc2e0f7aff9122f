#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "compiler/check/check.h"
#include "compiler/load/modules.h"
#include "compiler/lower/lower.h"
#include "compiler/plan/logical_plan.h"
#include "dsl/diagnostic.h"
#include "dsl/parse.h"
#include "dsl/source.h"
#include "dsl/source_set.h"
#include "engine/catalog.h"
#include "engine/plan/physical_plan.h"
#include "engine/result.h"

/// Syntax → physical plan. Never runs anything, reads no file but through `Files`.
namespace raceway::compiler {

struct CompileOptions {
  /// The flow to make a plan of; none: only look for mistakes.
  std::optional<std::string> flow;
  std::vector<std::pair<std::string, std::string>> params;  // --set name=value
  std::vector<std::string> without;                         // rewrites to leave out, by name
  bool plan_tests = false;                                  // make plans for the tests of the file
  std::vector<ParamSetting> param_file = {};                // of a file of parameters; --set wins
  std::vector<std::string> hints = {};                      // --hint flow/step.hint.member=value
};

/// Every value on the way, as far as it went.
struct CompileResult {
  dsl::SourceSet sources;        // the flow's file and all it imports: what ranges point into
  Modules modules;               // the same, parsed; the flow's file is there in any case
  dsl::Diagnostics diagnostics;  // of all steps
  std::string usage_error;       // a mistake in the options rather than in the file, or empty
  bool is_badly_set = false;     // so is one of the diagnostics: an option's value for a parameter
  std::optional<LogicalPlan> logical;
  std::optional<LogicalPlan> optimized;
  std::optional<engine::PhysicalPlan> physical;
  std::vector<TestCase> tests;        // of the file; none if a flow was asked for
  std::vector<DeclaredModel> models;  // of all files, to be compared with what they name
  std::vector<NamedFile> files;       // of all files, that are no models
  std::vector<DeclaredStore> stores;  // of the flow's file
  bool is_file_missing = false;       // the only mistakes are files that the flow names

  const dsl::ParseResult& parsed() const { return modules.main().parsed; }
};

/// `parsed` is of `source`.
///
/// Threads  pure; `files` is called from this thread
CompileResult Compile(dsl::ParseResult parsed, const dsl::Source& source,
                      const engine::Catalog& catalog, Files& files, const CompileOptions& options);

/// The flow that is meant: the one named; else the only one, not counting private ones beside
/// others; else the one named like the file (`stem`); else an error that lists them.
engine::Result<std::string> SelectFlow(const dsl::ast::File& file,
                                       const std::optional<std::string>& name,
                                       const std::string& stem);

}  // namespace raceway::compiler
