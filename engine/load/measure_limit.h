#pragma once

#include <ATen/core/ivalue.h>

#include <filesystem>
#include <string>
#include <vector>

#include "engine/load/load_job.h"
#include "engine/load/load_limit.h"
#include "engine/load/read_scheduler.h"
#include "engine/result.h"

namespace raceway::engine::load {

/// How fast this machine reads the weights of a TorchScript file, or of a package, in the order of
/// their use, and computes their checksums, while nothing else is done with them.
///
/// Errors   those of the file, as of `StreamedModule::Load` or `StreamedPackage::Load`; Failed as
///          of `LoadJob::WaitAll`
Result<LoadRates> MeasureRates(ReadScheduler& scheduler, const std::filesystem::path& model,
                               LoadOptions options = {});

/// What a call reads and computes once all weights are there: of three calls the shortest, after
/// one that does not count. When compiled code reads what nobody sees, so a package has two steps:
/// one that computes all, then one that reads all; no load is faster than either.
///
/// Errors   as `StreamedModule::Load` or `StreamedPackage::Load`; Failed for what goes wrong while
///          it runs
Result<std::vector<UseStep>> MeasureUse(ReadScheduler& scheduler,
                                        const std::filesystem::path& model,
                                        const std::string& method,
                                        const std::vector<c10::IValue>& inputs);

}  // namespace raceway::engine::load
