#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "compiler/compile.h"
#include "dsl/source_set.h"
#include "tools/raceway/fail.h"

namespace raceway::tools {

/// What the commands that read a flow have in common.
struct FlowOptions {
  std::string file;
  std::optional<std::string> flow;
  std::vector<std::string> set;   // name=value
  std::string params;             // a TOML file of parameters, or empty
  std::vector<std::string> hint;  // address=value
  std::vector<std::string> without;
  bool json = false;
};

struct CheckOptions {
  FlowOptions flow;
  bool fix = false;
  bool sarif = false;
  bool models = false;     // open the files of models
  int model_seconds = 30;  // for each
};

struct ExplainOptions {
  FlowOptions flow;
  std::string emit = "optimized";
  std::string graph;     // "svg", "dot", "mermaid", or empty: as text
  bool schemas = false;  // in a graph: the columns on the arrows
  bool diff = false;     // what each rewrite changed
};

struct CompileOptions {
  FlowOptions flow;
  std::string output;  // empty: beside the flow, with the ending .plan
};

struct RunOptions {
  FlowOptions flow;
  std::string rows;               // a JSON lines file, "-" for standard input
  std::vector<std::string> in;    // table=file, of flows with several tables
  std::vector<std::string> each;  // column=pattern
  std::string base;               // what the paths of a plan are relative to; empty: its folder
  bool per_row = false;
  std::optional<int64_t> deadline_ms;
  int workers = 0;
  std::string trace;  // where a trace goes, or empty
  bool trace_ops = false;
};

struct TestOptions {
  std::vector<std::string> paths;  // flow files and folders of them
  std::vector<std::string> set;
  std::string filter;  // part of a test's title
  std::string junit;   // where to write results as JUnit has them, or empty
  bool real = false;
  bool update = false;
  bool json = false;
};

struct FmtOptions {
  std::vector<std::string> paths;  // files, folders, "-" for standard input
  bool check = false;
};

struct DiffOptions {
  std::string before;  // .flow or .plan
  std::string after;
  std::optional<std::string> flow;  // none: all
  std::vector<std::string> set;     // name=value
  bool json = false;
};

struct StoreLoadOptions {
  FlowOptions flow;    // its file may be empty; then `dir` and `schema` say what it would
  std::string store;   // of the flow
  std::string dir;     // empty: where the flow has it
  std::string schema;  // "user: string, taste: f32[512]"
  std::string rows;    // a JSON lines file, "-" for standard input
};

struct StoreReadOptions {
  std::string dir;
  std::string key;  // of `get`
  bool json = false;
};

struct RepackOptions {
  std::string from;
  std::string to;
  std::string order;  // a file with names of records, or empty
  bool json = false;
};

struct LoadOptions {
  std::string model;
  std::vector<std::string> in;  // shapes, .npy files, numbers
  std::string method = "forward";
  std::string strategy = "raceway";
  std::string disk;  // its speed, or empty: as it is
  bool cold = false;
  bool hot = false;
  int runs = 1;
  bool check = false;
  std::string trace;  // a file, or empty
  std::string gantt;  // a file, or empty
  std::string order;  // a file, or empty
  bool json = false;
};

struct PluginOptions {
  std::string file;
  bool json = false;
};

int RunCheck(const CheckOptions& options);
int RunExplain(const ExplainOptions& options);
/// Whether `word` names a diagnostic, or all of them, rather than a file.
bool IsCode(const std::string& word);
int RunExplainCode(const std::string& word, bool json);
int RunCompile(const CompileOptions& options);
int RunDiff(const DiffOptions& options);
int RunFlow(const RunOptions& options);
int RunLoad(const LoadOptions& options);
int RunLsp();
int RunPlugin(const PluginOptions& options);
int RunRepack(const RepackOptions& options);
int RunTests(const TestOptions& options);
int RunFmt(const FmtOptions& options);
int RunStoreLoad(const StoreLoadOptions& options);
int RunStoreGet(const StoreReadOptions& options);
int RunStoreStats(const StoreReadOptions& options);

/// A flow file, read and compiled as far as it goes.
struct LoadedFlow {
  compiler::CompileResult result;
  std::string flow;  // the one that is meant
};

/// How far a command wants a flow compiled.
enum class Need {
  kCheck,         // no plan: all flows of the file alike
  kTests,         // the same, with plans for its tests
  kPlan,          // of one flow; the files it names are taken as given
  kPlanToShow,    // the same, with the hashes of those files that are there
  kPlanAndFiles,  // those files are read and hashed
};

/// Reads and compiles `options.file`. What is wrong with the call is said on standard error; then
/// there is no value and `exit_code` is set. What is wrong with the flow is in the result; for
/// kCheck also a setting that does not suit its parameter, then with `exit_code` set. `text`, if
/// there is one, stands for what is in the file.
std::optional<LoadedFlow> LoadFlow(const FlowOptions& options, Need need, int& exit_code,
                                   const std::string* text = nullptr);

/// Prints what the compiler has to say; notes, and what is wrong with tests, only for
/// `check`.
void PrintDiagnostics(const dsl::Diagnostics& diagnostics, const dsl::SourceSet& sources,
                      bool notes);

}  // namespace raceway::tools
