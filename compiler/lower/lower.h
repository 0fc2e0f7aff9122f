#pragma once

#include <string>
#include <vector>

#include "compiler/plan/logical_plan.h"
#include "dsl/diagnostic.h"
#include "dsl/source_set.h"
#include "engine/catalog.h"
#include "engine/plan/physical_plan.h"
#include "engine/result.h"

namespace raceway::compiler {

/// The text of a file that a flow imports.
struct FileText {
  std::string text;
  engine::FileSpec file;  // its path as asked for, size and content hash
  std::string identity;   // the same for all names of one file, through links too
};

/// The files that flows name. The compiler itself reads none.
class Files {
 public:
  virtual ~Files() = default;
  /// Size and content hash of `path` (relative to the flow's folder).
  ///
  /// Errors   Unavailable, with the reason, if it cannot be read
  virtual engine::Result<engine::FileSpec> Describe(const std::string& path) = 0;
  /// The flow file `path` (relative to the flow's folder), for `import`.
  ///
  /// Errors   Unavailable, with the reason, if it cannot be read or is larger than a flow may be
  virtual engine::Result<FileText> Read(const std::string& path) {
    return engine::Error{engine::ErrorCode::kUnavailable,
                         "cannot read `" + path + "`: there are no files here"};
  }
  /// The functions in the shared library `path` (relative to the flow's folder), for `library:`.
  ///
  /// Errors   Unavailable, with the reason, if it cannot be read; Unsupported if it was built for
  ///          another version; InvalidArgument or Failed if it is no plugin, or ends the process
  ///          that looks into it
  virtual engine::Result<std::vector<engine::FunctionContract>> Functions(const std::string& path) {
    return engine::Error{engine::ErrorCode::kUnavailable,
                         "cannot read `" + path + "`: there are no files here"};
  }
};

/// Logical plan → the engine's input language. A file that cannot be read is reported where the
/// flow names it; the plan is whole all the same, so that it can be shown.
engine::PhysicalPlan Lower(const LogicalPlan& plan, const dsl::SourceSet& sources, Files& files,
                           dsl::Diagnostics& diagnostics);

/// Says that a file the flow names at `where` cannot be read.
void ReportMissing(const engine::Error& error, dsl::SourceRange where,
                   dsl::Diagnostics& diagnostics);

/// "cascade.flow:12:5", the path from the main file's folder: the same wherever the files lie.
std::string PlaceText(const dsl::SourceSet& sources, dsl::SourceRange where);

}  // namespace raceway::compiler
