// `raceway test`: runs the tests in flow files.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "tools/raceway/command.h"
#include "tools/raceway/engine_library.h"
#include "tools/raceway/files.h"
#include "tools/raceway/flow_files.h"
#include "tools/raceway/kept_comments.h"
#include "tools/raceway/test_report.h"
#include "tools/raceway/test_request.h"

namespace raceway::tools {
namespace {

using Outcome = TestedCase::Outcome;

/// The flow files that are meant; null (and said) if there is none.
std::optional<std::vector<std::string>> FilesIn(const std::vector<std::string>& paths) {
  std::vector<std::string> all;
  for (const std::string& path : paths) {
    const engine::Result<std::vector<std::string>> files = FlowFilesOf(path);
    if (!files.ok()) return Fail(kUsage, files.error().message), std::nullopt;
    all.insert(all.end(), files->begin(), files->end());
  }
  return all;
}

dsl::Diagnostics ErrorsIn(const dsl::Diagnostics& diagnostics) {
  dsl::Diagnostics errors;
  for (const dsl::Diagnostic& diagnostic : diagnostics.Sorted()) {
    if (dsl::InfoOf(diagnostic.kind).severity != dsl::Severity::kError) continue;
    dsl::Diagnostic& copy = errors.Add(diagnostic.kind, diagnostic.where, diagnostic.message);
    copy.notes = diagnostic.notes;
    copy.help = diagnostic.help;
  }
  return errors;
}

/// Whether the file was written; with the rows that came out in place of those expected.
engine::Status WriteExpectations(TestedFile& file) {
  std::vector<std::pair<dsl::SourceRange, std::string>> edits;
  for (TestedCase& test : file.tests) {
    const std::vector<TestFailure>& failures = test.result.failures;
    const bool can_be_updated =
        test.outcome == Outcome::kFailed &&
        std::all_of(failures.begin(), failures.end(), [&](const TestFailure& failure) {
          return failure.rows &&
                 failure.rows->first.end <= static_cast<int32_t>(file.sources.main().text().size());
        });
    if (!can_be_updated) continue;
    for (const TestFailure& failure : failures) edits.push_back(*failure.rows);
    test.outcome = Outcome::kUpdated;
  }
  if (edits.empty()) return engine::Done{};
  std::string text = file.sources.main().text();
  std::sort(edits.begin(), edits.end(),
            [](const auto& a, const auto& b) { return a.first.begin > b.first.begin; });
  for (const auto& [range, rows] : edits) {
    const auto begin = static_cast<size_t>(range.begin);
    const auto length = static_cast<size_t>(range.end - range.begin);
    text.replace(begin, length, WithComments(std::string_view(text).substr(begin, length), rows));
  }
  return WriteFile(file.name, text);
}

/// Runs the tests of `file`, which it fills in. An exit code, `kFine` also where tests fail.
int RunFile(const TestOptions& options, TestedFile& file) {
  int exit_code = kFine;
  FlowOptions flow;
  flow.file = file.name;
  flow.set = options.set;
  std::optional<LoadedFlow> loaded = LoadFlow(flow, Need::kTests, exit_code);
  if (!loaded) return exit_code;
  compiler::CompileResult& compiled = loaded->result;
  const dsl::Diagnostics errors = ErrorsIn(compiled.diagnostics);
  file.sources = compiled.sources;
  file.diagnostics = dsl::RenderJson(errors, compiled.sources);
  file.is_wrong = compiled.diagnostics.has_errors_of_flows();
  if (!options.json) PrintDiagnostics(errors, compiled.sources, true);
  if (file.is_wrong) return kFine;

  TestRequest request;
  request.base_dir = std::filesystem::path(file.name).parent_path();
  request.real = options.real;
  std::vector<size_t> running;  // places in `file.tests`
  for (compiler::TestCase& test : compiled.tests) {
    if (test.title.find(options.filter) == std::string::npos) continue;
    file.tests.push_back({test.title, Outcome::kBroken, {}});
    if (test.is_broken) continue;
    running.push_back(file.tests.size() - 1);
    request.tests.push_back(std::move(test));
  }
  for (const std::string& title : compiled.parsed().lost_tests) {
    if (title.find(options.filter) == std::string::npos) continue;
    file.tests.push_back({title, Outcome::kBroken, {}});
  }
  if (running.empty()) return kFine;
  auto* run = reinterpret_cast<TestFunction*>(EngineFunction(kTestFunction));
  if (run == nullptr) return kMachineLacks;
  std::vector<TestResult> results;
  run(request, results);
  for (size_t i = 0; i < running.size(); ++i) {
    TestedCase& test = file.tests[running[i]];
    test.result = std::move(results[i]);
    test.outcome = test.result.failures.empty()     ? Outcome::kPassed
                   : test.result.is_machine_lacking ? Outcome::kLacking
                                                    : Outcome::kFailed;
  }
  if (!options.update) return kFine;
  const engine::Status written = WriteExpectations(file);
  return written.ok() ? kFine : Fail(kMachineLacks, written.error().message);
}

int ExitCodeOf(const std::vector<TestedFile>& files) {
  bool lacks = false;
  for (const TestedFile& file : files) {
    if (file.is_wrong) return kFlowIsWrong;
    for (const TestedCase& test : file.tests) {
      if (test.outcome == Outcome::kFailed || test.outcome == Outcome::kBroken) {
        return kFlowIsWrong;
      }
      lacks |= test.outcome == Outcome::kLacking;
    }
  }
  return lacks ? kMachineLacks : kFine;
}

}  // namespace

int RunTests(const TestOptions& options) {
  const std::optional<std::vector<std::string>> names = FilesIn(options.paths);
  if (!names) return kUsage;
  const bool color = ::isatty(STDOUT_FILENO) != 0;
  std::vector<TestedFile> files;
  size_t num_tests = 0;
  for (const std::string& name : *names) {
    TestedFile file;
    file.name = name;
    const int exit_code = RunFile(options, file);
    if (exit_code != kFine) return exit_code;
    num_tests += file.tests.size();
    if (!options.json && !file.tests.empty()) {
      std::fputs(TestReport(file, color).c_str(), stdout);
      std::fflush(stdout);
    }
    files.push_back(std::move(file));
  }
  if (num_tests == 0 && !options.filter.empty() && ExitCodeOf(files) == kFine) {
    return Fail(kUsage, "no test has `" + options.filter + "` in its title");
  }
  if (options.json) {
    std::fputs(TestReportAsJson(files).c_str(), stdout);
  } else {
    std::puts(TestSummary(files).c_str());
  }
  if (!options.junit.empty()) {
    const engine::Status written = WriteFile(options.junit, TestReportAsJUnit(files));
    if (!written.ok()) return Fail(kMachineLacks, written.error().message);
  }
  return ExitCodeOf(files);
}

}  // namespace raceway::tools
