// Tensors that some process of the host has in memory are mapped, others are loaded and published;
// then it runs. As Tetris shares them; there, instances of a function also share its run time,
// which here all models do.
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "engine/load/placeholders.h"
#include "engine/load/strategies/answers.h"
#include "engine/load/strategies/cold_model.h"
#include "engine/load/strategies/disk.h"
#include "engine/load/strategies/tensor_store.h"

namespace raceway::engine::load {
namespace {

constexpr uint64_t kCapacity = uint64_t{8} << 30;

TensorStore& Store() {
  static auto* const store =
      new TensorStore("/dev/shm/raceway-tensors-" + std::to_string(getuid()), kCapacity);
  return *store;
}

/// What is not shared yet, on its way: an extent and the number it has in the job.
struct Missing {
  std::vector<Extent> extents;
  std::vector<int32_t> numbers;  // in the job, by storage; -1 for what is shared
};

Missing MissingOf(const ScannedModel& scanned,
                  const std::vector<std::optional<SharedBytes>>& shared) {
  Missing missing;
  for (const Extent& extent : scanned.extents) {
    if (shared[static_cast<size_t>(extent.storage)]) {
      missing.numbers.push_back(-1);
      continue;
    }
    missing.numbers.push_back(static_cast<int32_t>(missing.extents.size()));
    missing.extents.push_back(extent);
    missing.extents.back().storage = missing.numbers.back();
  }
  return missing;
}

/// Shares what `job` has loaded, and puts the storages there. Where there is no room for that, they
/// stay where they are.
void Share(const ColdRequest& request, const ScannedModel& scanned, const Missing& missing,
           const LoadJob& job, const std::vector<c10::Storage>& storages) {
  std::vector<const std::byte*> bytes;
  for (const int32_t number : missing.numbers) {
    bytes.push_back(number < 0 ? nullptr : job.data(number));
  }
  const TimePoint begin = Now();
  const auto shared = Store().Publish(*scanned.file, scanned.extents, bytes);
  Tell(request, {.lane = Lane::kCopy}, begin);
  if (!shared) return;
  for (size_t i = 0; i < storages.size(); ++i) {
    if (bytes[i] == nullptr || !(*shared)[i]) continue;
    const SharedBytes& there = *(*shared)[i];
    c10::Storage moved = StorageOn(there.data, scanned.extents[i].size, there.owner);
    storages[i].unsafeGetStorageImpl()->set_data_ptr_noswap(
        moved.unsafeGetStorageImpl()->set_data_ptr(c10::DataPtr()));
  }
}

}  // namespace

Result<ColdAnswer> AnswerTetris(const ColdRequest& request) {
  const Result<ScannedModel> scanned = Scan(request);
  if (!scanned) return scanned.error();
  const std::vector<std::optional<SharedBytes>> shared =
      Store().Find(*scanned->file, scanned->extents);
  const Missing missing = MissingOf(*scanned, shared);
  LoadOptions options = OptionsOf(request);
  options.verify = Verify::kBeforePublish;  // others will believe it
  const Result<std::shared_ptr<LoadJob>> job = LoadJob::Start(
      Disk::Of(request.disk).scheduler(), {scanned->file}, missing.extents, std::move(options));
  if (!job) return job.error();
  std::vector<c10::Storage> storages;
  for (size_t i = 0; i < shared.size(); ++i) {
    storages.push_back(shared[i]
                           ? StorageOn(shared[i]->data, scanned->extents[i].size, shared[i]->owner)
                           : StorageOf(**job, missing.numbers[i]));
  }
  const Result<torch::jit::Module> module =
      MakeModule(request, *scanned, storages, [&](int32_t storage) -> Status {
        const int32_t number = missing.numbers[static_cast<size_t>(storage)];
        return number < 0 ? Done{} : (*job)->Need(number);
      });
  if (!module) return module.error();
  Status arrived = (*job)->WaitAll();
  if (!arrived) return std::move(arrived).error();
  if (!missing.extents.empty()) Share(request, *scanned, missing, **job, storages);
  return CallWhole(request, *module);
}

void ForgetIdleTensors() { Store().RemoveIdle(); }

}  // namespace raceway::engine::load
