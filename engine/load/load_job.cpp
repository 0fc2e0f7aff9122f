#include "engine/load/load_job.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <string>

#include "engine/load/cache_state.h"
#include "engine/load/crc.h"
#include "engine/load/ready_table.h"

namespace raceway::engine::load {
namespace {

Error WrongChecksum(const ModelFile& file, const Extent& extent, uint32_t found) {
  char checksums[64];
  std::snprintf(checksums, sizeof(checksums), "the checksum is %08x, should be %08x", found,
                *extent.crc32);
  return Error{ErrorCode::kFailed, file.path() + ": bytes " + std::to_string(extent.offset) + "+" +
                                       std::to_string(extent.size) + ": " + checksums};
}

}  // namespace

/// What reads in flight need of a job, and so may outlive it.
class LoadJob::State final : public ReadClient {
 public:
  State(std::vector<std::shared_ptr<ModelFile>> files, std::vector<std::shared_ptr<Arena>> arenas,
        BlockPlan plan, LoadOptions options, const Clock& clock)
      : files_(std::move(files)),
        arenas_(std::move(arenas)),
        plan_(std::move(plan)),
        options_(std::move(options)),
        clock_(clock),
        ready_(num_storages()),
        verified_(num_storages()),
        crcs_(plan_.parts().size()),
        num_missing_(plan_.extents().size()),
        num_unverified_(plan_.extents().size()) {
    for (const Run& run : plan_.Runs()) {
      arenas_[static_cast<size_t>(run.file)]->UseHugePages(run.offset, run.size);
    }
    for (int32_t storage = 0; storage < num_storages(); ++storage) {
      const auto num_parts = static_cast<int32_t>(plan_.PartsOf(storage).size());
      num_missing_[static_cast<size_t>(storage)] = num_parts;
      num_unverified_[static_cast<size_t>(storage)] = num_parts;
      if (num_parts > 0) continue;
      ready_.Publish(storage);
      verified_.Publish(storage);
    }
  }

  Read Prepare(int32_t index) noexcept override {
    const Chunk& chunk = plan_.chunks()[static_cast<size_t>(index)];
    ModelFile& file = *files_[static_cast<size_t>(chunk.file)];
    Arena& arena = *arenas_[static_cast<size_t>(chunk.file)];
    const bool cached =
        options_.use_page_cache && IsCached(file.cached_fd(), chunk.offset, chunk.num_bytes);
    return {{&file, chunk.offset, chunk.size, chunk.num_bytes, arena.target() + chunk.offset},
            cached};
  }

  bool OnRead(ChunkRead read) noexcept override {
    const Chunk& chunk = plan_.chunks()[static_cast<size_t>(read.chunk)];
    Tell({.lane = Lane::kRetrieve,
          .begin = read.submitted,
          .end = read.finished,
          .chunk = read.chunk,
          .num_bytes = chunk.num_bytes,
          .urgency = read.urgency,
          .was_cached = read.was_cached});
    if (!read.status.ok()) {
      for (const int32_t part : plan_.PartsIn(read.chunk)) {
        Fail(plan_.parts()[static_cast<size_t>(part)].storage, read.status.error());
      }
      return true;  // an answer may do without these storages
    }
    const Status unchanged = files_[static_cast<size_t>(chunk.file)]->CheckUnchanged();
    if (!unchanged.ok()) {
      FailAll(unchanged.error());
      return false;
    }
    if (options_.verify == Verify::kBeforePublish) VerifyThenPublish(read.chunk);
    if (options_.verify == Verify::kBeforeAnswer) PublishThenVerify(read.chunk);
    if (options_.verify == Verify::kNever) PublishUnverified(read.chunk);
    return true;
  }

  void Fail(int32_t storage, const Error& error) {
    ready_.Fail(storage, error);
    verified_.Fail(storage, error);
  }

  void FailAll(const Error& error) {
    ready_.FailAll(error);
    verified_.FailAll(error);
  }

  void Tell(const LoadEvent& event) const {
    if (options_.on_event) options_.on_event(event);
  }

  const BlockPlan& plan() const { return plan_; }
  const ReadyTable& ready() const { return ready_; }
  const ReadyTable& verified() const { return verified_; }  // ready, and as it was written
  const LoadEventSink& on_event() const { return options_.on_event; }
  const Clock& clock() const { return clock_; }
  int32_t num_storages() const { return static_cast<int32_t>(plan_.extents().size()); }
  const Extent& extent(int32_t storage) const {
    return plan_.extents()[static_cast<size_t>(storage)];
  }
  const std::shared_ptr<Arena>& arena(int32_t storage) const {
    return arenas_[static_cast<size_t>(extent(storage).file)];
  }

 private:
  using Counters = std::vector<std::atomic<int32_t>>;

  void VerifyThenPublish(int32_t chunk) {
    AddCrcs(chunk);
    CountDown(num_missing_, chunk, [this](int32_t storage) {
      if (CheckCrc(storage)) Publish(storage);
    });
  }

  void PublishThenVerify(int32_t chunk) {
    CountDown(num_missing_, chunk, [this](int32_t storage) { PublishUnchecked(storage); });
    AddCrcs(chunk);
    CountDown(num_unverified_, chunk, [this](int32_t storage) {
      if (CheckCrc(storage)) verified_.Publish(storage);
    });
  }

  void PublishUnverified(int32_t chunk) {
    CountDown(num_missing_, chunk, [this](int32_t storage) { Publish(storage); });
  }

  /// Counts a part less for each storage of the chunk; `last` is called for those that have no
  /// more. It then sees what was done for the other parts in other threads.
  template <typename Last>
  void CountDown(Counters& counters, int32_t chunk, const Last& last) {
    for (const int32_t part : plan_.PartsIn(chunk)) {
      const int32_t storage = plan_.parts()[static_cast<size_t>(part)].storage;
      auto& left = counters[static_cast<size_t>(storage)];
      if (left.fetch_sub(1, std::memory_order_acq_rel) == 1) last(storage);
    }
  }

  void Publish(int32_t storage) {
    PublishUnchecked(storage);
    verified_.Publish(storage);
  }

  void PublishUnchecked(int32_t storage) {
    arena(storage)->Publish(extent(storage).offset, extent(storage).size);
    ready_.Publish(storage);
  }

  void AddCrcs(int32_t chunk) {
    LoadSpan span(on_event(), clock_, {.lane = Lane::kVerify, .chunk = chunk});
    for (const int32_t index : plan_.PartsIn(chunk)) {
      const Part& part = plan_.parts()[static_cast<size_t>(index)];
      if (!extent(part.storage).crc32) continue;
      const std::byte* bytes = arena(part.storage)->target() + part.offset;
      crcs_[static_cast<size_t>(index)] = Crc32({bytes, part.size});
      span.event().num_bytes += part.size;
    }
    if (span.event().num_bytes == 0) span.Forget();
  }

  /// False, and the storage has failed, if its bytes are not those that were written.
  bool CheckCrc(int32_t storage) {
    const Extent& written = extent(storage);
    if (!written.crc32) return true;
    const std::span<const Part> parts = plan_.PartsOf(storage);
    const auto first = static_cast<size_t>(parts.data() - plan_.parts().data());
    uint32_t found = crcs_[first];
    for (size_t i = 1; i < parts.size(); ++i) {
      found = Crc32Combine(found, crcs_[first + i], parts[i].size);
    }
    if (found == *written.crc32) return true;
    Fail(storage, WrongChecksum(*files_[static_cast<size_t>(written.file)], written, found));
    return false;
  }

  const std::vector<std::shared_ptr<ModelFile>> files_;
  const std::vector<std::shared_ptr<Arena>> arenas_;  // by file
  const BlockPlan plan_;
  const LoadOptions options_;
  const Clock& clock_;
  ReadyTable ready_;
  ReadyTable verified_;
  std::vector<uint32_t> crcs_;  // by part
  Counters num_missing_;        // parts that have not arrived, by storage
  Counters num_unverified_;     // parts without checksum, by storage
};

Result<std::shared_ptr<LoadJob>> LoadJob::Start(ReadScheduler& scheduler,
                                                std::vector<std::shared_ptr<ModelFile>> files,
                                                std::span<const Extent> extents,
                                                LoadOptions options) {
  std::vector<uint64_t> sizes(files.size());
  std::transform(files.begin(), files.end(), sizes.begin(),
                 [](const auto& file) { return file->size(); });
  Result<BlockPlan> plan = BlockPlan::Make(extents, sizes, options.plan);
  if (!plan.ok()) return std::move(plan).error();
  std::vector<std::shared_ptr<Arena>> arenas;
  for (const uint64_t size : sizes) {
    Result<std::shared_ptr<Arena>> arena = Arena::Reserve(size, options.guarded);
    if (!arena.ok()) return std::move(arena).error();
    arenas.push_back(*std::move(arena));
  }
  std::vector<uint32_t> chunk_bytes(plan->chunks().size());
  std::transform(plan->chunks().begin(), plan->chunks().end(), chunk_bytes.begin(),
                 [](const Chunk& chunk) { return chunk.num_bytes; });
  const Urgency urgency = options.urgency;
  const TimePoint deadline = options.deadline;
  auto state = std::make_shared<State>(std::move(files), std::move(arenas), *std::move(plan),
                                       std::move(options), scheduler.clock());
  const LoadId id = scheduler.Add(state, std::move(chunk_bytes), urgency, deadline);
  return std::shared_ptr<LoadJob>(new LoadJob(scheduler, std::move(state), id));
}

LoadJob::LoadJob(ReadScheduler& scheduler, std::shared_ptr<State> state, LoadId id)
    : scheduler_(scheduler), state_(std::move(state)), id_(id) {}

LoadJob::~LoadJob() { Cancel(); }

std::byte* LoadJob::data(int32_t storage) const {
  return state_->arena(storage)->data() + state_->extent(storage).offset;
}

std::shared_ptr<Arena> LoadJob::arena(int32_t storage) const { return state_->arena(storage); }

uint64_t LoadJob::num_bytes(int32_t storage) const { return state_->extent(storage).size; }

bool LoadJob::IsReady(int32_t storage) const { return state_->ready().IsReady(storage); }

int32_t LoadJob::CountPending() const { return state_->ready().CountPending(); }

const LoadEventSink& LoadJob::on_event() const { return state_->on_event(); }

const Clock& LoadJob::clock() const { return state_->clock(); }

Status LoadJob::Need(int32_t storage, const CancelToken* cancel) {
  if (IsReady(storage)) return Done{};
  const LoadSpan span(on_event(), clock(),
                      {.lane = Lane::kWait, .storage = storage, .num_bytes = num_bytes(storage)});
  Promote({&storage, 1});
  return state_->ready().Wait(storage, cancel);
}

void LoadJob::Promote(std::span<const int32_t> storages) {
  std::vector<int32_t> chunks;
  for (const int32_t storage : storages) {
    if (IsReady(storage)) continue;
    for (const Part& part : state_->plan().PartsOf(storage)) chunks.push_back(part.chunk);
  }
  scheduler_.Promote(id_, chunks);
}

Status LoadJob::WaitAll(const CancelToken* cancel) {
  for (int32_t storage = 0; storage < state_->num_storages(); ++storage) {
    Status status = state_->verified().Wait(storage, cancel);
    if (!status.ok()) return status;
  }
  return Done{};
}

void LoadJob::Reclass(Urgency urgency, TimePoint deadline) {
  scheduler_.Reclass(id_, urgency, deadline);
}

void LoadJob::Cancel() {
  scheduler_.Remove(id_);
  state_->FailAll({ErrorCode::kCancelled, "the loading of the model was cancelled"});
}

void LoadJob::Release(int32_t storage) {
  const Extent& extent = state_->extent(storage);
  state_->arena(storage)->Release(extent.offset, extent.size);
}

}  // namespace raceway::engine::load
