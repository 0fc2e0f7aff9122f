#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "compiler/lower/lower.h"
#include "dsl/diagnostic.h"
#include "dsl/parse.h"
#include "dsl/source_set.h"
#include "engine/catalog.h"
#include "engine/plan/physical_plan.h"
#include "engine/result.h"

namespace raceway::compiler {

/// One file of a compilation and what it imports.
struct Module {
  std::string path;    // from the main file's folder: "lib/x.flow"; of the main file its name
  std::string folder;  // of `path`: "lib", empty for the main file
  dsl::ParseResult parsed;
  engine::FileSpec file;  // what was read; empty for the main file
  /// For each `import` of the file, in order, the module it brings; none where it could not be
  /// read, which is reported.
  std::vector<std::optional<size_t>> imports;
  /// What lies beside the files of models that have no signature here, by their `source`.
  std::map<std::string, FileText> sidecars;
  /// What the libraries of `fn`s hold, or why that is not known, by their `library`.
  std::map<std::string, engine::Result<std::vector<engine::FunctionContract>>> libraries;
};

/// A flow's file and all that it imports, each after those it imports: the main file is last.
struct Modules {
  std::vector<Module> all;

  const Module& main() const { return all.back(); }
};

/// Reads what `parsed`, the main file and first of `sources`, imports, and what that imports. A
/// file imported more than once is read once, whatever it is called each time.
///
/// Limits   1 MiB a file, 1000 files
/// Errors   in `diagnostics`: what cannot be read and cycles, each at its `import`; what is wrong
///          with the syntax of imported files
/// Threads  `files` is called from this thread
Modules LoadModules(dsl::ParseResult parsed, dsl::SourceSet& sources, Files& files,
                    dsl::Diagnostics& diagnostics);

/// `path` of a file that lies in `folder`, from where the folder is named; `path` itself where the
/// folder is empty or the path absolute.
std::string PathIn(const std::string& folder, const std::string& path);

}  // namespace raceway::compiler
