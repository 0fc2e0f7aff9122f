// A model that idles in memory is made into the one that is wanted, where that is sooner than a
// cold load; then it runs. As Optimus transforms containers; there, layers of PyTorch modules are
// transformed, here whole storages.
#include <algorithm>
#include <cstring>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "engine/load/crc.h"
#include "engine/load/placeholders.h"
#include "engine/load/strategies/answers.h"
#include "engine/load/strategies/cold_model.h"
#include "engine/load/strategies/disk.h"
#include "engine/load/strategies/resident_models.h"

namespace raceway::engine::load {
namespace {

Result<TransformModel> ShapeOf(const ScannedModel& scanned) {
  Result<std::string> structure = StructureOf(scanned);
  if (!structure) return std::move(structure).error();
  TransformModel shape{*std::move(structure), /*is_pure=*/false, {}};
  for (const Extent& extent : scanned.extents) {
    shape.blocks.push_back({extent.size, ContentNames::Instance().Find(*scanned.file, extent)});
  }
  return shape;
}

TransformCosts CostsOf(const ColdRequest& request) {
  TransformCosts costs;
  if (request.disk) costs.read = request.disk->bytes_per_second;
  return costs;
}

/// One request: from a plan to a model.
class Transformation {
 public:
  Transformation(const ColdRequest& request, const ScannedModel& scanned, TransformModel wanted)
      : request_(request), scanned_(scanned), wanted_(std::move(wanted)) {
    std::tie(source_, plan_) = ResidentModels::Instance().Take(wanted_, CostsOf(request));
  }

  Result<std::unique_ptr<ResidentModel>> Make() {
    DoubtKept();
    if (Status started = StartReading(); !started) return std::move(started).error();
    auto made = std::make_unique<ResidentModel>();
    made->blocks.resize(wanted_.blocks.size());
    Status done = plan_.keeps_module ? Swap(*made) : Rebuild(*made);
    if (!done) return std::move(done).error();
    made->shape = std::move(wanted_);
    return made;
  }

 private:
  size_t num_blocks() const { return wanted_.blocks.size(); }
  const Extent& extent(size_t i) const { return scanned_.extents[i]; }
  ResidentBlock* FromOf(size_t i) {
    return plan_.from[i] < 0 ? nullptr : &source_->blocks[static_cast<size_t>(plan_.from[i])];
  }

  /// A model may have written into its weights: what is not as it came is read again.
  void DoubtKept() {
    for (size_t i = 0; i < num_blocks(); ++i) {
      if (!plan_.is_kept[i]) continue;
      const TimePoint begin = Now();
      const ResidentBlock& block = *FromOf(i);
      plan_.is_kept[i] =
          extent(i).crc32 && Crc32({block.data(), extent(i).size}) == *extent(i).crc32;
      Tell(request_, {.lane = Lane::kVerify, .num_bytes = extent(i).size}, begin);
      if (!plan_.is_kept[i] && plan_.keeps_module) plan_.from[i] = -1;
    }
  }

  Status StartReading() {
    std::vector<Extent> extents;
    for (size_t i = 0; i < num_blocks(); ++i) {
      numbers_.push_back(plan_.is_kept[i] ? -1 : static_cast<int32_t>(extents.size()));
      if (plan_.is_kept[i]) continue;
      extents.push_back(extent(i));
      extents.back().storage = numbers_.back();
    }
    Result<std::shared_ptr<LoadJob>> job = LoadJob::Start(
        Disk::Of(request_.disk).scheduler(), {scanned_.file}, extents, OptionsOf(request_));
    if (!job) return std::move(job).error();
    job_ = *std::move(job);
    return Done{};
  }

  /// The same module: other storages are bound to what was read.
  Status Swap(ResidentModel& made) {
    Status arrived = job_->WaitAll();
    if (!arrived) return arrived;
    for (size_t i = 0; i < num_blocks(); ++i) {
      ResidentBlock& old = source_->blocks[i];
      made.blocks[i] = old;
      if (numbers_[i] < 0) continue;
      const TimePoint begin = Now();
      Name(i, &old);
      made.blocks[i] = BlockOf(i, old.storage);
      c10::Storage fresh = StorageOf(*job_, numbers_[i]);
      old.storage.unsafeGetStorageImpl()->set_data_ptr_noswap(
          fresh.unsafeGetStorageImpl()->set_data_ptr(c10::DataPtr()));
      old.arena->Release(old.offset, extent(i).size);
      TellApplied(i, begin);
    }
    made.early = std::move(source_->early);
    CopyEarly(scanned_.early.data, made.early.data);
    CopyEarly(scanned_.early.constants, made.early.constants);
    made.module = source_->module;
    wanted_.is_pure = true;
    return Done{};
  }

  using Storages = std::unordered_map<std::string, c10::Storage>;
  static void CopyEarly(const Storages& from, Storages& to) {
    for (const auto& [name, storage] : from) {
      c10::Storage& into = to.at(name);
      if (storage.nbytes() > 0) std::memcpy(into.mutable_data(), storage.data(), storage.nbytes());
    }
  }

  /// Another module, on memory of the source where that fits.
  Status Rebuild(ResidentModel& made) {
    std::vector<c10::Storage> storages;
    if (source_ != nullptr) source_->module = torch::jit::Module();
    for (size_t i = 0; i < num_blocks(); ++i) {
      const ResidentBlock* from = FromOf(i);
      storages.push_back(from == nullptr ? StorageOf(*job_, numbers_[i])
                                         : StorageOn(from->data(), extent(i).size, from->arena));
    }
    ReleaseUnused();
    Result<torch::jit::Module> module = MakeModule(
        request_, scanned_, storages, [this](int32_t /*storage*/) { return FillReused(); });
    if (!module) return std::move(module).error();
    if (Status filled = FillReused(); !filled) return filled;
    for (size_t i = 0; i < num_blocks(); ++i) {
      const ResidentBlock* from = FromOf(i);
      made.blocks[i] = from == nullptr
                           ? BlockOf(i, storages[i])
                           : ResidentBlock{from->arena, from->offset, extent(i).crc32, storages[i]};
    }
    made.early = scanned_.early;
    made.module = *std::move(module);
    return Done{};
  }

  /// Waits for what is read, and copies it into the blocks that are used again.
  Status FillReused() {
    if (is_filled_) return Done{};
    Status arrived = job_->WaitAll();
    if (!arrived) return arrived;
    is_filled_ = true;
    for (size_t i = 0; i < num_blocks(); ++i) {
      if (numbers_[i] < 0) continue;
      ResidentBlock* const from = FromOf(i);
      Name(i, from);
      if (from == nullptr) continue;
      const TimePoint begin = Now();
      std::memcpy(from->data(), job_->data(numbers_[i]), extent(i).size);
      job_->Release(numbers_[i]);
      TellApplied(i, begin);
    }
    return Done{};
  }

  void ReleaseUnused() {
    if (source_ == nullptr) return;
    std::vector<bool> is_used(source_->blocks.size());
    for (const int32_t from : plan_.from) {
      if (from >= 0) is_used[static_cast<size_t>(from)] = true;
    }
    for (size_t i = 0; i < is_used.size(); ++i) {
      const ResidentBlock& block = source_->blocks[i];
      if (!is_used[i]) block.arena->Release(block.offset, source_->shape.blocks[i].size);
    }
  }

  /// Finds out whether what was read is what was there before, and remembers which content it is.
  void Name(size_t i, const ResidentBlock* old) {
    TransformBlock& block = wanted_.blocks[i];
    if (block.content < 0 && old != nullptr && old->crc32 && old->crc32 == extent(i).crc32 &&
        std::memcmp(old->data(), job_->data(numbers_[i]), extent(i).size) == 0) {
      block.content =
          source_->shape.blocks[static_cast<size_t>(old - source_->blocks.data())].content;
    }
    block.content = ContentNames::Instance().Set(*scanned_.file, extent(i), block.content);
  }

  ResidentBlock BlockOf(size_t i, c10::Storage storage) const {
    return {job_->arena(numbers_[i]), extent(i).offset, extent(i).crc32, std::move(storage)};
  }

  void TellApplied(size_t i, TimePoint begin) const {
    Tell(request_,
         {.lane = Lane::kApply, .storage = static_cast<int32_t>(i), .num_bytes = extent(i).size},
         begin);
  }

  const ColdRequest& request_;
  const ScannedModel& scanned_;
  TransformModel wanted_;
  std::unique_ptr<ResidentModel> source_;  // may be null
  TransformPlan plan_;
  std::vector<int32_t> numbers_;  // in the job; -1 for what is kept
  std::shared_ptr<LoadJob> job_;
  bool is_filled_ = false;
};

/// Whether all that depends on the weights are the storages.
bool HasNoEarlyReader(const ScannedModel& scanned) {
  return std::none_of(scanned.weights.storages.begin(), scanned.weights.storages.end(),
                      [](const Storage& storage) { return storage.is_read_early; });
}

}  // namespace

Result<ColdAnswer> AnswerOptimus(const ColdRequest& request) {
  const Result<ScannedModel> scanned = Scan(request);
  if (!scanned) return scanned.error();
  Result<TransformModel> wanted = ShapeOf(*scanned);
  if (!wanted) return std::move(wanted).error();
  Result<std::unique_ptr<ResidentModel>> model =
      Transformation(request, *scanned, *std::move(wanted)).Make();
  if (!model) return std::move(model).error();
  Result<ColdAnswer> answer = CallWhole(request, (*model)->module);
  if (!answer) return answer;
  TransformModel& shape = (*model)->shape;  // looked at when the answer is there
  shape.is_pure = shape.is_pure || (HasNoEarlyReader(*scanned) && IsPure((*model)->module));
  // Whoever holds it keeps it busy; then it idles.
  answer->resident = std::shared_ptr<const void>(model->release(), [](const void* held) {
    ResidentModels::Instance().Put(
        std::unique_ptr<ResidentModel>(static_cast<ResidentModel*>(const_cast<void*>(held))));
  });
  return answer;
}

void ForgetIdleModels() { ResidentModels::Instance().Clear(); }

}  // namespace raceway::engine::load
