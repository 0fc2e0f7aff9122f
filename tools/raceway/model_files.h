#pragma once

#include "tools/raceway/command.h"

namespace raceway::tools {

/// Compares the models of `result` with their files, looks for the other files that it names, and
/// adds what it finds to its diagnostics. Opens the engine's library only if there are models.
/// False, and said, if that cannot be.
bool CheckModelFiles(const CheckOptions& options, compiler::CompileResult& result);

/// Whether the only errors are files that are not there.
bool LacksOnlyFiles(const dsl::Diagnostics& diagnostics);

}  // namespace raceway::tools
