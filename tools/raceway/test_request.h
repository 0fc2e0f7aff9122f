#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "compiler/testing/test_case.h"
#include "dsl/source.h"

namespace raceway::tools {

/// What `raceway test` asks of the shared library that holds the engine.
struct TestRequest {
  std::vector<compiler::TestCase> tests;  // those to be run
  std::filesystem::path base_dir;         // what paths in the flow are relative to
  bool real = false;                      // models without a stub run
};

/// Why a test failed.
struct TestFailure {
  dsl::SourceRange where;
  std::string message;
  /// Parts of the condition and what they are: "out[0].by", "\"small\"".
  std::vector<std::pair<std::string, std::string>> parts;
  std::vector<std::string> differences;  // of two tables, a line each
  /// What the list of rows at `rows` would have to be.
  std::optional<std::pair<dsl::SourceRange, std::string>> rows;
};

struct TestResult {
  std::vector<TestFailure> failures;  // none: it passed
  bool is_machine_lacking = false;    // a file or device that it needs is not there
  std::chrono::nanoseconds duration{0};
};

/// The library's second function. Gives one result for each test, in their order; prints nothing.
using TestFunction = void(const TestRequest& request, std::vector<TestResult>& results);
constexpr const char kTestFunction[] = "raceway_test";

}  // namespace raceway::tools
