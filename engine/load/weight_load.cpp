#include "engine/load/weight_load.h"

#include "engine/load/placeholders.h"
#include "engine/load/shared_weights.h"
#include "engine/load/weight_cast.h"

namespace raceway::engine::load {
namespace {

/// Where they lie in the file, by number; their names go into `load`.
std::vector<Extent> ExtentsOf(std::span<const Storage* const> storages, LoadOptions& load) {
  std::vector<Extent> extents;
  for (const Storage* storage : storages) {
    extents.push_back(storage->extent);
    extents.back().storage = static_cast<int32_t>(extents.size()) - 1;
    load.names.push_back(storage->name);
  }
  return extents;
}

}  // namespace

Result<std::shared_ptr<WeightLoad>> WeightLoad::Start(ReadScheduler& scheduler,
                                                      std::vector<std::shared_ptr<ModelFile>> files,
                                                      std::span<const Storage* const> storages,
                                                      const StreamedOptions& options) {
  if (!options.device.is_cpu()) {
    return StartOnDevice(scheduler, std::move(files), storages, options);
  }
  LoadOptions load = options.load;
  const bool shares = options.memory == MemoryMode::kShared && !storages.empty();
  std::shared_ptr<WeightCast> cast;
  if (options.dtype) cast = std::make_shared<WeightCast>(storages, *options.dtype, shares);

  std::shared_ptr<Arena> memory;  // unless the job is to have its own
  bool is_there = false;
  if (shares) {
    const SharedWeights shared =
        ShareWeights(*files[0], storages, options, cast ? cast->size() : files[0]->size());
    memory = shared.arena;
    is_there = shared.is_published;
    load.on_settled = shared.on_settled;
    if (memory) load.verify = Verify::kBeforePublish;
  }
  if (cast) {
    Result<std::shared_ptr<Arena>> own = memory;
    if (!memory) own = Arena::Reserve(cast->size(), load.guarded);
    if (!own) return std::move(own).error();
    memory = *std::move(own);
    cast->Use(memory);
    load.writers.reset();  // pages of the file would be read, and then copied for nobody
    load.apply = [cast](int32_t number, const std::byte* bytes) {
      return cast->Apply(number, bytes);
    };
  } else if (memory) {
    load.arenas = {memory};
  }

  std::vector<Extent> extents;
  if (!is_there) extents = ExtentsOf(storages, load);
  Result<std::shared_ptr<LoadJob>> job =
      LoadJob::Start(scheduler, std::move(files), extents, std::move(load));
  if (!job) return std::move(job).error();

  std::vector<Place> places;
  for (size_t i = 0; i < storages.size(); ++i) {
    const auto number = static_cast<int32_t>(i);
    const Extent& extent = storages[i]->extent;
    if (cast && cast->Takes(number)) {
      places.push_back({cast->data(number), cast->num_bytes(number), memory, cast->Casts(number)});
    } else {
      const std::shared_ptr<Arena> arena = is_there ? memory : (*job)->arena(number);
      places.push_back({arena->data() + extent.offset, extent.size, arena, false});
    }
  }
  return std::shared_ptr<WeightLoad>(new WeightLoad(*std::move(job), std::move(places), is_there));
}

Result<std::shared_ptr<WeightLoad>> WeightLoad::StartOnDevice(
    ReadScheduler& scheduler, std::vector<std::shared_ptr<ModelFile>> files,
    std::span<const Storage* const> storages, const StreamedOptions& options) {
  auto landing = std::make_shared<DeviceLanding>(
      DeviceLandingOptions{.device = options.device, .on_event = options.load.on_event},
      scheduler.clock());
  LoadOptions load = options.load;
  load.landing = landing;
  const std::vector<Extent> extents = ExtentsOf(storages, load);
  Result<std::shared_ptr<LoadJob>> job =
      LoadJob::Start(scheduler, std::move(files), extents, std::move(load));
  if (!job) return std::move(job).error();
  std::vector<Place> places;
  places.reserve(extents.size());
  for (const Extent& extent : extents) places.push_back({nullptr, extent.size, nullptr, false});
  return std::shared_ptr<WeightLoad>(
      new WeightLoad(*std::move(job), std::move(places), /*is_there=*/false, std::move(landing)));
}

c10::DataPtr WeightLoad::Memory(int32_t number) const {
  if (landing_ != nullptr) return landing_->MemoryOf(number);
  const Place& place = places_[static_cast<size_t>(number)];
  return MemoryOf(place.data, place.holder);
}

}  // namespace raceway::engine::load
