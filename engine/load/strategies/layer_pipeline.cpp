#include "engine/load/strategies/layer_pipeline.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/InferenceMode.h>

#include <cstring>
#include <utility>

#include "engine/load/placeholders.h"

namespace raceway::engine::load {
namespace {

/// The bytes of the model's memory that are written, for huge pages, as `LoadJob` has them.
Status UseHugePages(Arena& memory, const ScannedModel& scanned) {
  const uint64_t sizes[] = {scanned.file->size()};
  const Result<BlockPlan> plan = BlockPlan::Make(scanned.extents, sizes);
  if (!plan) return plan.error();
  for (const Run& run : plan->Runs()) memory.UseHugePages(run.offset, run.size);
  return Done{};
}

/// What is read ahead: in the order of the layers.
std::vector<Extent> InOrder(const std::vector<Layer>& layers, const ScannedModel& scanned) {
  std::vector<Extent> extents;
  for (const Layer& layer : layers) {
    for (const int32_t storage : layer.storages) {
      extents.push_back(scanned.extents[static_cast<size_t>(storage)]);
    }
  }
  return extents;
}

/// What has been copied is given back, so its checksum is looked at before.
LoadOptions OptionsOfPipeline(const ColdRequest& request) {
  LoadOptions options = OptionsOf(request);
  if (options.verify == Verify::kBeforeAnswer) options.verify = Verify::kBeforePublish;
  return options;
}

/// As PyTorch's modules are made: random weights, in one thread.
void Initialize(std::byte* bytes, const Storage& storage, at::Generator& chance) {
  const auto dtype = static_cast<c10::ScalarType>(storage.dtype);
  if (!c10::isFloatingType(dtype)) {
    std::memset(bytes, 0, storage.extent.size);
    return;
  }
  const auto count = static_cast<int64_t>(storage.extent.size / SizeOf(storage.dtype));
  at::from_blob(bytes, {count}, dtype).normal_(0, 1, chance);
}

}  // namespace

Result<std::unique_ptr<LayerPipeline>> LayerPipeline::Start(const ColdRequest& request,
                                                            const ScannedModel& scanned,
                                                            PipelineRules rules) {
  const Result<std::shared_ptr<Arena>> memory = Arena::Reserve(scanned.file->size());
  if (!memory) return memory.error();
  if (Status planned = UseHugePages(**memory, scanned); !planned) {
    return std::move(planned).error();
  }
  std::unique_ptr<LayerPipeline> pipeline(new LayerPipeline(request, scanned, rules, *memory));
  if (rules.reads_ahead) {
    LoadOptions options = OptionsOfPipeline(request);
    // Whose turn it is to be copied is no wait of the model's.
    if (request.on_event) {
      options.on_event = [sink = request.on_event](const LoadEvent& event) {
        if (event.lane != Lane::kWait) sink(event);
      };
    }
    Result<std::shared_ptr<LoadJob>> job =
        LoadJob::Start(pipeline->disk_.scheduler(ReadRules::kCicada), {scanned.file},
                       InOrder(pipeline->layers_, scanned), std::move(options));
    if (!job) return std::move(job).error();
    pipeline->ahead_ = *std::move(job);
  }
  LayerPipeline* const started = pipeline.get();
  if (rules.initializes) started->builder_ = std::jthread([started] { started->Build(); });
  started->applier_ = std::jthread([started] { started->Apply(); });
  return pipeline;
}

LayerPipeline::LayerPipeline(const ColdRequest& request, const ScannedModel& scanned,
                             PipelineRules rules, std::shared_ptr<Arena> memory)
    : request_(request),
      scanned_(scanned),
      rules_(rules),
      disk_(Disk::Of(request.disk)),
      memory_(std::move(memory)),
      layers_(LayersOf(scanned)),
      layer_of_(scanned.extents.size()),
      built_(num_layers()),
      applied_(num_layers()) {
  for (const Extent& extent : scanned.extents) {
    storages_.push_back(StorageOn(memory_->data() + extent.offset, extent.size, memory_));
  }
  for (int32_t i = 0; i < num_layers(); ++i) {
    for (const int32_t storage : layers_[static_cast<size_t>(i)].storages) {
      layer_of_[static_cast<size_t>(storage)] = i;
    }
    if (!rules.initializes) built_.Publish(i);
  }
}

LayerPipeline::~LayerPipeline() = default;

bool LayerPipeline::IsReady(int32_t storage) const {
  return applied_.IsReady(layer_of_[static_cast<size_t>(storage)]);
}

Status LayerPipeline::Need(int32_t storage) const {
  return applied_.Wait(layer_of_[static_cast<size_t>(storage)]);
}

Status LayerPipeline::WaitAll() const {
  for (int32_t i = 0; i < num_layers(); ++i) {
    Status there = applied_.Wait(i);
    if (!there) return there;
  }
  return Done{};
}

void LayerPipeline::Build() {
  const c10::InferenceMode inference;
  for (int32_t i = 0; i < num_layers(); ++i) {
    if (!is_cancelled_) BuildLayer(layers_[static_cast<size_t>(i)]);
    built_.Publish(i);
  }
}

void LayerPipeline::BuildLayer(const Layer& layer) {
  at::Generator chance = at::detail::createCPUGenerator(/*seed=*/1);
  const TimePoint begin = Now();
  for (const int32_t number : layer.storages) {
    const Storage& storage = scanned_.storage(number);
    Initialize(memory_->data() + storage.extent.offset, storage, chance);
  }
  Tell(request_, {.lane = Lane::kScan}, begin);
}

void LayerPipeline::Apply() {
  for (int32_t i = 0; i < num_layers(); ++i) {
    const Status applied = ApplyLayer(i);
    if (applied) {
      applied_.Publish(i);
      continue;
    }
    applied_.FailAll(applied.error());
    return;
  }
}

Status LayerPipeline::ApplyLayer(int32_t index) {
  Status built = built_.Wait(index);
  if (!built) return built;
  if (is_cancelled_) return Error{ErrorCode::kCancelled, "the loading of the model was cancelled"};
  const Layer& layer = layers_[static_cast<size_t>(index)];
  return rules_.reads_ahead ? CopyRead(layer) : ReadThenCopy(layer);
}

Status LayerPipeline::ReadThenCopy(const Layer& layer) {
  const Result<std::shared_ptr<LoadJob>> job = LoadJob::Start(
      disk_.scheduler(), {scanned_.file}, layer.extents, OptionsOfPipeline(request_));
  if (!job) return job.error();
  Status read = (*job)->WaitAll();
  if (!read) return read;
  for (size_t i = 0; i < layer.storages.size(); ++i) {
    Copy(**job, static_cast<int32_t>(i), layer.storages[i]);
  }
  return Done{};
}

Status LayerPipeline::CopyRead(const Layer& layer) {
  ahead_->Promote(layer.storages);  // the pipeline is stalled: Cicada's second rule
  for (const int32_t storage : layer.storages) {
    Status read = ahead_->Need(storage);
    if (!read) return read;
  }
  for (const int32_t storage : layer.storages) {
    Copy(*ahead_, storage, storage);
    ahead_->Release(storage);
  }
  return Done{};
}

void LayerPipeline::Copy(const LoadJob& job, int32_t from, int32_t storage) {
  const TimePoint begin = Now();
  const Extent& extent = scanned_.extents[static_cast<size_t>(storage)];
  std::memcpy(memory_->data() + extent.offset, job.data(from), extent.size);
  Tell(request_, {.lane = Lane::kApply, .storage = storage, .num_bytes = extent.size}, begin);
}

void LayerGate::BeforeRead(int32_t storage) {
  if (pipeline_.IsReady(storage)) return;
  Tell(request_, {.lane = Lane::kExecute}, running_since_);
  const TimePoint begin = Now();
  Status there = pipeline_.Need(storage);
  Tell(request_, {.lane = Lane::kWait, .storage = storage}, begin);
  running_since_ = Now();
  if (!there) throw WeightMissing{std::move(there).error()};
}

}  // namespace raceway::engine::load
