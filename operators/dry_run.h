#pragma once

#include <filesystem>
#include <span>

#include "engine/dry_run.h"
#include "engine/result.h"

namespace raceway::operators {

/// Loads a model and calls it with zeros, once for each trial, on the CPU. What a call throws is in
/// its answer. Paths are relative to `folder`.
///
/// Errors   Unavailable for a missing file, InvalidArgument for one that is no model
/// Time     as long as the model takes: a model may never end
engine::Result<engine::DryRun> RunOnZeros(const std::filesystem::path& folder,
                                          const engine::DryRunModel& model,
                                          std::span<const engine::DryRunTrial> trials);

}  // namespace raceway::operators
