#pragma once

#include <c10/core/Storage.h>
#include <torch/csrc/jit/api/module.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "engine/load/extent.h"
#include "engine/load/load_job.h"
#include "engine/load/opened_model.h"
#include "engine/load/strategies/strategy.h"
#include "engine/load/torchscript_structure.h"
#include "engine/load/weight_gate.h"
#include "engine/load/weight_map.h"
#include "engine/result.h"

/// What all strategies that know what lies where in an archive do in the same way.
///
///   Scan → (storages, wherever the strategy has them) → MakeModule → Call
namespace raceway::engine::load {

/// An archive that has been looked through; of its weights, only those are there that are read at
/// once: small ones, and those that the structure looks at.
struct ScannedModel : OpenedModel {
  Placeholders early;
  std::vector<size_t> awaited;  // the others, by number: indices of `weights.storages`
  std::vector<Extent> extents;  // of those

  const Storage& storage(int32_t number) const {
    return weights.storages[awaited[static_cast<size_t>(number)]];
  }
};

/// Numbers in the order in which the modules have their weights.
///
/// Errors   as `StreamedModule::Load`
Result<ScannedModel> Scan(const ColdRequest& request);

/// Options of a load for `request`.
LoadOptions OptionsOf(const ColdRequest& request);

/// All that is awaited, read by one job.
Result<std::shared_ptr<LoadJob>> StartJob(ReadScheduler& scheduler, const ScannedModel& scanned,
                                          LoadOptions options);
std::vector<c10::Storage> StoragesOf(const LoadJob& job, const ScannedModel& scanned);

StorageNumbers NumbersOf(const std::vector<c10::Storage>& storages);

/// The module on `storages`, which are by number. `need` waits for one that code looks at while the
/// module is made.
///
/// Errors   those of `need`; InvalidArgument for what is no TorchScript
Result<torch::jit::Module> MakeModule(const ColdRequest& request, const ScannedModel& scanned,
                                      const std::vector<c10::Storage>& storages,
                                      const std::function<Status(int32_t storage)>& need);
/// Of storages that are there.
Status NeedNothing(int32_t storage);

/// Calls the request's method; `answer.end` is when it has returned.
///
/// Errors   Failed for what it throws; what a gate says is missing
Result<ColdAnswer> Call(const ColdRequest& request, torch::jit::Module module);
/// The same for any other way to call it, which leaves to the caller what stays.
Result<ColdAnswer> Call(const std::function<c10::IValue()>& call);
/// The same, told as one span of kExecute: where no gate tells what is executed when.
Result<ColdAnswer> CallWhole(const ColdRequest& request, torch::jit::Module module);

/// Tells `request` what has happened since `begin`.
void Tell(const ColdRequest& request, LoadEvent event, TimePoint begin);

inline TimePoint Now() { return SteadyClock().Now(); }

}  // namespace raceway::engine::load
