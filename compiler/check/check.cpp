#include "compiler/check/check.h"

#include "compiler/check/declarations.h"
#include "compiler/check/flows.h"
#include "compiler/testing/check_tests.h"

namespace raceway::compiler {
namespace {

constexpr int64_t kNewestEdition = 1;

void CheckEdition(const dsl::ast::File& file, dsl::Diagnostics& diagnostics) {
  if (!file.edition) {
    diagnostics
        .Add(dsl::DiagnosticKind::kMissingEdition, file.edition_range,
             "the file does not say its edition; read as edition 1")
        .help = "begin the file with `edition 1`";
  } else if (*file.edition != kNewestEdition) {
    diagnostics.Add(dsl::DiagnosticKind::kUnknownEdition, file.edition_range,
                    "edition " + std::to_string(*file.edition) +
                        " is not known to this release; the newest is 1");
  }
}

/// Of the flows that a test runs.
void PlanTest(TestCase& test, Declarations& declarations, const engine::Catalog& catalog,
              dsl::Diagnostics& diagnostics) {
  if (test.is_broken) return;
  for (TestStep& step : test.steps) {
    auto* run = std::get_if<TestRun>(&step);
    if (run == nullptr) continue;
    dsl::Diagnostics found;
    run->logical = PlanFlow(run->flow, declarations, catalog, found);
    test.is_broken |= !run->logical;
    diagnostics.AppendOfTest(found);
  }
}

}  // namespace

CheckResult Check(const dsl::ParseResult& parsed, const engine::Catalog& catalog,
                  const CheckOptions& options) {
  CheckResult result;
  // Of a file that could not be read at all there is no more to say.
  if (!parsed.file.items.empty() || !parsed.diagnostics.has_errors()) {
    CheckEdition(parsed.file, result.diagnostics);
  }
  Declarations declarations =
      Declare(parsed, {catalog, options.params}, result.diagnostics, result.usage_error);
  declarations.facts = options.facts;
  CheckFlows(declarations, catalog, result.diagnostics);
  const bool is_fine =
      !parsed.diagnostics.has_errors_of_flows() && !result.diagnostics.has_errors_of_flows();
  if (!options.flow) {
    result.tests = CheckTests(parsed.file, declarations, catalog, result.diagnostics);
  }
  if (options.plan_tests && is_fine && result.usage_error.empty()) {
    for (TestCase& test : result.tests) PlanTest(test, declarations, catalog, result.diagnostics);
  }
  if (options.flow && is_fine && result.usage_error.empty()) {
    result.plan = PlanFlow(*options.flow, declarations, catalog, result.diagnostics);
  }
  return result;
}

}  // namespace raceway::compiler
