#include "engine/load/package_weights.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "engine/gate.h"
#include "engine/load/page_faults.h"
#include "engine/load/placeholders.h"
#include "engine/load/weight_gate.h"

namespace raceway::engine::load {
namespace {

/// Of memory that somebody else keeps. Weights are known by it.
void LeaveWeight(void* /*bytes*/) {}

c10::Storage StorageAt(std::byte* bytes, uint64_t num_bytes) {
  c10::DataPtr memory(bytes, bytes, &LeaveWeight, c10::Device(c10::DeviceType::CPU));
  return c10::Storage(c10::Storage::use_byte_size_t(), num_bytes, std::move(memory), nullptr,
                      /*resizable=*/false);
}

}  // namespace

bool IsWeight(const at::Tensor& tensor) {
  return tensor.defined() && tensor.has_storage() &&
         tensor.storage().data_ptr().get_deleter() == &LeaveWeight;
}

void DropForgotten(const std::vector<at::Tensor>& constants) {
  for (const at::Tensor& constant : constants) {
    while (constant.defined() && constant.use_count() > 1) {
      c10::raw::intrusive_ptr::decref(constant.unsafeGetTensorImpl());
    }
  }
}

PackageWeights::PackageWeights(ReadScheduler& scheduler, const LoadOptions& load,
                               const NoteSink& on_note,
                               std::vector<std::shared_ptr<ModelFile>> files,
                               std::vector<Extent> extents, std::shared_ptr<PageRoom> room)
    : scheduler_(scheduler),
      load_(load),
      on_note_(on_note),
      files_(std::move(files)),
      extents_(std::move(extents)),
      room_(std::move(room)) {}

void PackageWeights::MakeTensors(const WeightMap& map, const std::vector<size_t>& tensors,
                                 const std::vector<size_t>& storages) {
  std::unordered_map<size_t, c10::Storage> made;
  for (size_t i = 0; i < storages.size(); ++i) {
    const PageRoom::Place& place = room_->place(static_cast<int32_t>(i));
    made.emplace(storages[i], StorageAt(place.begin, extents_[i].size));
  }
  tensors_.reserve(tensors.size());
  for (const size_t tensor : tensors) {
    const bool is_folded = tensor == map.tensors.size();
    tensors_.push_back(is_folded
                           ? at::Tensor()
                           : TensorOn(made.at(map.tensors[tensor].storage), map.tensors[tensor]));
  }
}

Status PackageWeights::Admit() const {
  if (load_.claim == nullptr) return Done{};
  uint64_t num_bytes = 0;
  for (const Extent& extent : extents_) num_bytes += extent.size;
  return load_.claim->Take(num_bytes);
}

Status PackageWeights::Start() {
  if (Status admitted = Admit(); !admitted) return admitted;
  Result<std::shared_ptr<PageGate>> gate = StartGate();
  if (gate) {
    gate_ = *std::move(gate);
    job_ = gate_->job();
  } else if (gate.error().code != ErrorCode::kUnsupported) {
    return std::move(gate).error();
  } else {
    on_note_(gate.error().message + "; packages wait for all of their weights");
    if (Status started = StartWithoutGate(); !started) return started;
  }
  interest_.emplace(
      load_.urgency, load_.deadline,
      [&job = *job_](Urgency urgency, TimePoint deadline) { job.Reclass(urgency, deadline); });
  if (blob_ && load_.verify != Verify::kNever) CheckAsTheyArrive();
  return Done{};
}

void PackageWeights::Drop() {
  check_.reset();
  interest_.reset();
  gate_.reset();
  job_.reset();  // reads in flight keep its memory until they have landed, and no longer
  room_->Clear();
  are_right_.store(false, std::memory_order_relaxed);
  if (load_.claim != nullptr) load_.claim->GiveUp();
}

bool PackageWeights::is_complete() const {
  if (check_ && !check_->is_right()) return false;
  return gate_ != nullptr ? gate_->is_complete() : are_right_.load(std::memory_order_acquire);
}

bool PackageWeights::has_failed() const {
  return job_->has_failed() || (check_ && check_->has_failed()) ||
         (gate_ != nullptr && gate_->has_failed());
}

Status PackageWeights::WaitAll(const CancelToken* cancel) {
  Status arrived = gate_ != nullptr ? gate_->WaitAll(cancel) : job_->WaitAll(cancel);
  if (arrived) arrived = WaitForCheck(cancel);
  if (arrived) are_right_.store(true, std::memory_order_release);
  return arrived;
}

Status PackageWeights::WaitForCheck(const CancelToken* cancel) const {
  return check_ ? check_->Wait(cancel) : Status(Done{});
}

void PackageWeights::WaitOrThrow(const CancelToken& cancel) {
  const LoadSpan span(job_->on_event(), job_->clock(),
                      {.lane = Lane::kWait, .name = "all weights"});
  Status arrived = WaitAll(&cancel);
  if (arrived) return;
  if (const auto stop = cancel.Check()) throw Stopped{*stop};
  throw WeightMissing{std::move(arrived).error()};
}

Result<std::shared_ptr<PageGate>> PackageWeights::StartGate() {
  Result<std::unique_ptr<PageFaults>> faults = MakePageFaults();
  if (!faults) return std::move(faults).error();
  return PageGate::Start(scheduler_, files_, extents_, room_, *std::move(faults), load_);
}

/// Where faults cannot be held: nobody may read before all are there.
Status PackageWeights::StartWithoutGate() {
  LoadOptions load = load_;
  load.mappable = true;
  Result<std::shared_ptr<LoadJob>> job =
      LoadJob::Start(scheduler_, files_, extents_, std::move(load));
  if (!job) return std::move(job).error();
  job_ = *std::move(job);
  for (const Extent& extent : extents_) {
    if (extent.size == 0) continue;
    Status mapped = room_->Map(extent.storage, job_->arena(extent.storage)->fd());
    if (!mapped) return mapped;
  }
  return Done{};
}

void PackageWeights::CheckAsTheyArrive() {
  std::vector<Extent> extents = extents_;
  std::sort(extents.begin(), extents.end(),
            [](const Extent& a, const Extent& b) { return a.offset < b.offset; });
  std::vector<int32_t> storages;
  storages.reserve(extents.size());
  for (const Extent& extent : extents) storages.push_back(extent.storage);
  check_.emplace(job_, std::move(storages), *blob_,
                 files_[static_cast<size_t>(blob_->file)]->path());
}

}  // namespace raceway::engine::load
