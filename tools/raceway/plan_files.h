#pragma once

#include <filesystem>

#include "engine/plan/physical_plan.h"
#include "engine/result.h"

namespace raceway::tools {

/// Whether the files that a plan names are those it was compiled with, by their content, and its
/// libraries of functions can be loaded: another process tries (`plugins/probe.h`).
///
/// Errors   Unavailable for a file that is not there or is another one now; those of `FunctionsIn`
/// Threads  any
engine::Status CheckPlanFiles(const engine::PhysicalPlan& plan,
                              const std::filesystem::path& base_dir);

}  // namespace raceway::tools
