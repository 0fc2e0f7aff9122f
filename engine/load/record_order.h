#pragma once

#include <ATen/core/ivalue.h>

#include <filesystem>
#include <string>
#include <vector>

#include "engine/load/read_scheduler.h"
#include "engine/result.h"

namespace raceway::engine::load {

/// The order in which a call of a TorchScript model first uses its weights: names of storages, as
/// `use_order.h` has them. Without those that the call does not use, that are smaller than 4 KiB,
/// or that only threads of the model's own use.
///
/// Errors   as `StreamedModule::Load` and `LoadJob::WaitAll`; Failed for what goes wrong while it
///          runs
Result<std::vector<std::string>> RecordOrder(ReadScheduler& scheduler,
                                             const std::filesystem::path& model,
                                             const std::string& method,
                                             const std::vector<c10::IValue>& inputs);

}  // namespace raceway::engine::load
