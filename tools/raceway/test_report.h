#pragma once

#include <string>
#include <vector>

#include "dsl/source_set.h"
#include "tools/raceway/test_request.h"

namespace raceway::tools {

/// A test and how it ended.
struct TestedCase {
  enum class Outcome {
    kPassed,
    kFailed,
    kUpdated,  // it failed, and what it expects was written anew
    kBroken,   // it has mistakes, said among the file's diagnostics
    kLacking,  // the machine lacks a file or device that it needs
  };

  std::string title;
  Outcome outcome = Outcome::kPassed;
  TestResult result;
};

/// The tests of one flow file.
struct TestedFile {
  std::string name;
  dsl::SourceSet sources;
  std::string diagnostics;  // the file's mistakes as JSON
  bool is_wrong = false;    // the flows have mistakes: no test was run
  std::vector<TestedCase> tests;
};

/// For people: a line for each test, and why those failed that did.
std::string TestReport(const TestedFile& file, bool color);
/// "3 tests: 2 passed, 1 failed"
std::string TestSummary(const std::vector<TestedFile>& files);
std::string TestReportAsJson(const std::vector<TestedFile>& files);
/// As JUnit writes results: one suite a file.
std::string TestReportAsJUnit(const std::vector<TestedFile>& files);

}  // namespace raceway::tools
