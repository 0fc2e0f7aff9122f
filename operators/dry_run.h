#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "engine/dry_run.h"
#include "engine/result.h"

namespace raceway::operators {

/// Loads a TorchScript file and runs it on zeros, once for each trial, on the CPU. What a call
/// throws is in its answer.
///
/// Errors   Unavailable for a missing file, InvalidArgument for one that is no TorchScript; `shown`
///          is its path in messages
/// Time     as long as the model takes: a model may never end
engine::Result<engine::DryRun> RunOnZeros(const std::filesystem::path& path,
                                          const std::string& shown,
                                          std::span<const engine::DryRunTrial> trials);

}  // namespace raceway::operators
