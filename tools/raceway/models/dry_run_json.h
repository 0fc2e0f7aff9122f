#pragma once

#include <string>

#include "engine/dry_run.h"
#include "engine/result.h"

namespace raceway::tools {

/// What a process that ran a model tells the one that asked for it.
std::string DryRunAsJson(const engine::Result<engine::DryRun>& run);

/// The reverse.
///
/// Errors   those of the run; Internal for text that `DryRunAsJson` does not make
engine::Result<engine::DryRun> DryRunFromJson(const std::string& text);

}  // namespace raceway::tools
