#include "compiler/check/check.h"

#include <map>
#include <string>
#include <utility>

#include "compiler/check/declarations.h"
#include "compiler/check/flows.h"
#include "compiler/check/hint_addresses.h"
#include "compiler/check/runnable.h"
#include "compiler/check/stores.h"
#include "compiler/testing/check_tests.h"

namespace raceway::compiler {
namespace {

constexpr int64_t kNewestEdition = 1;

void CheckEdition(const dsl::ast::File& file, dsl::Diagnostics& diagnostics) {
  if (!file.edition) {
    diagnostics
        .Add(dsl::DiagnosticKind::kMissingEdition, file.edition_range,
             "the file does not say its edition; read as edition 1")
        .Fix("begin the file with `edition 1`", "edition 1\n\n");
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
    if (run->logical) NameFunctions(*run->logical, declarations);
    diagnostics.AppendOfTest(found);
  }
}

/// One remark a hint, at its first place in the files: the same said at each of them is noise.
dsl::Diagnostics WithoutRepetitions(const dsl::Diagnostics& all) {
  const std::vector<dsl::Diagnostic> sorted = all.Sorted();
  const auto is_remark = [](const dsl::Diagnostic& one) {
    return one.kind == dsl::DiagnosticKind::kHintNotHonoured;
  };
  std::map<std::string, size_t> times;
  for (const dsl::Diagnostic& one : sorted) {
    if (is_remark(one)) ++times[one.message];
  }
  dsl::Diagnostics kept;
  for (dsl::Diagnostic one : sorted) {
    if (is_remark(one)) {
      const size_t number = std::exchange(times[one.message], 0);
      if (number == 0) continue;
      if (number > 1) {
        one.message += " (also at " + std::to_string(number - 1) +
                       (number == 2 ? " other place)" : " other places)");
      }
    }
    kept.Add(std::move(one));
  }
  return kept;
}

}  // namespace

CheckResult Check(const Modules& modules, bool was_read, const engine::Catalog& catalog,
                  const CheckOptions& options) {
  CheckResult result;
  const auto settings = SettingsByModule(modules, options.params, result.usage_error);
  std::vector<Declarations> all(modules.all.size());  // never resized: flows know their home
  for (size_t i = 0; i < modules.all.size(); ++i) {
    const Module& module = modules.all[i];
    const dsl::ParseResult& parsed = module.parsed;
    // Of a file that could not be read at all there is no more to say.
    if (!parsed.file.items.empty() || !parsed.diagnostics.has_errors()) {
      CheckEdition(parsed.file, result.diagnostics);
    }
    Declare(module, {catalog, settings[i], ImportsOf(module, modules, all)}, all[i],
            result.diagnostics);
    if (&module == &modules.main()) all[i].facts = options.facts;
    CheckFlows(all[i], catalog, result.diagnostics);
    for (DeclaredModel& model : ModelsOf(all[i])) result.models.push_back(std::move(model));
    for (NamedFile& file : NamedFilesOf(all[i])) result.files.push_back(std::move(file));
    result.is_badly_set |= all[i].is_badly_set;
  }
  Declarations& main = all.back();
  result.stores = StoresOf(main);
  if (was_read && result.usage_error.empty()) {
    result.usage_error = AddressHints(options.hints, main, result.diagnostics);
  }
  const bool is_fine = was_read && !result.diagnostics.has_errors_of_flows();
  if (!options.flow) {
    result.tests = CheckTests(modules.main().parsed.file, main, result.diagnostics);
  }
  if (options.plan_tests && is_fine && result.usage_error.empty()) {
    for (TestCase& test : result.tests) PlanTest(test, main, catalog, result.diagnostics);
  }
  if (options.flow && is_fine && result.usage_error.empty()) {
    result.plan = PlanFlow(*options.flow, main, catalog, result.diagnostics);
    if (result.plan && !IsRunnable(*result.plan, result.diagnostics)) {
      result.plan.reset();
    }
  }
  result.diagnostics = WithoutRepetitions(result.diagnostics);
  return result;
}

}  // namespace raceway::compiler
