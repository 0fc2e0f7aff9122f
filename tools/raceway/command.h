#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "compiler/compile.h"
#include "dsl/source.h"

namespace raceway::tools {

/// What every command ends with.
enum ExitCode {
  kFine = 0,
  kFlowIsWrong = 1,
  kUsage = 2,
  kRequestFailed = 3,
  kMachineLacks = 4,
};

/// What the commands that read a flow have in common.
struct FlowOptions {
  std::string file;
  std::optional<std::string> flow;
  std::vector<std::string> set;  // name=value
  std::vector<std::string> without;
  bool json = false;
};

struct CheckOptions {
  FlowOptions flow;
};

struct ExplainOptions {
  FlowOptions flow;
  std::string emit = "optimized";
};

struct CompileOptions {
  FlowOptions flow;
  std::string output;  // empty: beside the flow, with the ending .plan
};

struct RunOptions {
  FlowOptions flow;
  std::string rows;               // a JSON lines file, "-" for standard input
  std::vector<std::string> each;  // column=pattern
  bool per_row = false;
  std::optional<int64_t> deadline_ms;
  int workers = 0;
};

int RunCheck(const CheckOptions& options);
int RunExplain(const ExplainOptions& options);
int RunCompile(const CompileOptions& options);
int RunRun(const RunOptions& options);

/// A flow file, read and compiled as far as it goes.
struct LoadedFlow {
  dsl::Source source;
  compiler::CompileResult result;
  std::string flow;  // the one that is meant
};

/// Reads and compiles `options.file`; says on standard error what is wrong and sets `exit_code`,
/// then there is no value. `with_files` reads and hashes the files the flow names.
std::optional<LoadedFlow> LoadFlow(const FlowOptions& options, bool with_files, int& exit_code);

/// Prints what the compiler has to say; notes only for `check`.
void PrintDiagnostics(const dsl::Diagnostics& diagnostics, const dsl::Source& source, bool notes);

/// "raceway: message" on standard error; returns `code`.
int Fail(int code, const std::string& message);

}  // namespace raceway::tools
