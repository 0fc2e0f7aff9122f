#pragma once

#include <raceway/export.h>
#include <raceway/plan.h>
#include <raceway/result.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Flows → plans, in the process. In a library of its own (`libraceway_compiler`, the CMake target
/// raceway::compiler, the pkg-config module raceway_compiler): a service that loads `.plan` files
/// links only the engine.
namespace raceway {
inline namespace v0 {

struct CompileOptions {
  /// Of a file with several flows; empty: the only one, or the one named like the file.
  std::string flow;
  std::vector<std::pair<std::string, std::string>> params;  // name, value as a flow writes it
  std::vector<std::string> hints;                           // "flow/step.hint.member=value"
};

/// A place in a flow file. Lines and columns count from 1, columns in code points.
struct Place {
  std::string file;
  int32_t line = 1;
  int32_t column = 1;
  int32_t end_line = 1;
  int32_t end_column = 1;
};

struct Diagnostic {
  enum class Severity { kNote, kWarning, kError };
  struct Note {
    Place where;
    std::string message;
  };

  Severity severity = Severity::kError;
  std::string code;  // "E0203": `raceway explain E0203` says more
  std::string name;  // "unknown-column"
  std::string message;
  Place where;
  std::vector<Note> notes;  // other places that had a part in it
  std::string help;         // what to do; may be empty
};

struct Compilation {
  std::optional<Plan> plan;  // none: there are errors
  std::vector<Diagnostic> diagnostics;
  /// The errors and warnings as the command line prints them, with the lines of the flow; empty
  /// where there are none.
  std::string text;
};

/// Reads and compiles a `.flow` file; what it names is relative to its folder.
///
/// Errors   of the call: Unavailable if the file cannot be read; InvalidArgument for a flow,
///          parameter or hint that is not in it, and for one that is no UTF-8. What is wrong with
///          the flow, a model that is not there included, is in the diagnostics.
/// Threads  any; calls from several threads parse one after the other. Libraries of functions are
///          loaded by another process, once for each content, for at most 20 s
RACEWAY_API Result<Compilation> CompileFile(const std::filesystem::path& file,
                                            const CompileOptions& options = {});

/// The same of a text in UTF-8. `name` stands in messages; what the flow names is relative to
/// `base_dir`, and that to the working folder of the process.
///
/// Errors   as above; InvalidArgument, too, for a text of more than 64 MiB
RACEWAY_API Result<Compilation> CompileText(std::string_view text, std::string_view name,
                                            const std::filesystem::path& base_dir,
                                            const CompileOptions& options = {});

}  // namespace v0
}  // namespace raceway
