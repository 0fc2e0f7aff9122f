#pragma once

#include <string>
#include <vector>

#include "compiler/check/declarations.h"
#include "compiler/lower/lower.h"
#include "dsl/diagnostic.h"

namespace raceway::compiler {

/// A file that something else than a model names: the labels of a function, the rows of a store.
struct NamedFile {
  std::string path;  // relative to the folder of the main file
  dsl::SourceRange where;
};

/// Those that a file names itself, of functions and stores whose declaration has no mistake.
/// Folders of rows are not among them, since those are filled apart from the flow.
std::vector<NamedFile> NamedFilesOf(const Declarations& declarations);

/// Errors   in `diagnostics`: files that cannot be read (E0801), each where it is named
void CheckNamedFiles(const std::vector<NamedFile>& named, Files& files,
                     dsl::Diagnostics& diagnostics);

}  // namespace raceway::compiler
