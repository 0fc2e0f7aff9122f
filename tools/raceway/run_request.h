#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "engine/plan/physical_plan.h"

namespace raceway::tools {

/// What `raceway run` asks of the shared library that holds the engine. The library is opened
/// only then: LibTorch takes a third of a second merely to start, and `check` should not pay it.
struct RunRequest {
  engine::PhysicalPlan plan;
  std::filesystem::path base_dir;  // what paths in the plan are relative to
  std::vector<std::string> rows;   // for each table a JSON lines file or "-", standard input
  std::vector<std::string> each;   // column=pattern, in place of `rows`
  bool per_row = false;            // each row is a request of its own
  std::optional<int64_t> deadline_ms;
  int workers = 0;  // 0: one, or one per core where there are many requests
  bool json = false;
  std::string trace;       // where a trace goes, or empty
  bool trace_ops = false;  // with each LibTorch operator
};

/// The library's one function. Prints results on standard output, errors on standard error.
/// Returns an exit code of `fail.h`.
using RunFunction = int(const RunRequest& request);
constexpr const char kRunFunction[] = "raceway_run";
constexpr const char kRunLibrary[] = "libraceway_runtime.so";

}  // namespace raceway::tools
