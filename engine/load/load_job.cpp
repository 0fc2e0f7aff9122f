#include "engine/load/load_job.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <numeric>
#include <string>

#include "engine/load/borrowed_pages.h"
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
        staged_(options_.landing ? plan_.chunks().size() : 0),
        is_elsewhere_(plan_.extents().size()),
        num_missing_(plan_.extents().size()),
        num_unverified_(plan_.extents().size()),
        num_unsettled_(num_storages()),
        num_unread_(plan_.chunks().size()) {
    if (!options_.apply && !options_.landing) UseHugePages();  // they cannot be given back in parts
    if (plan_.chunks().empty()) files_.clear();
    for (int32_t storage = 0; storage < num_storages(); ++storage) {
      const auto num_parts = static_cast<int32_t>(plan_.PartsOf(storage).size());
      num_missing_[static_cast<size_t>(storage)] = num_parts;
      num_unverified_[static_cast<size_t>(storage)] = num_parts;
      if (num_parts > 0) continue;
      ready_.Publish(storage);
      NoteVerified(storage);
    }
  }

  Read Prepare(int32_t index) noexcept override {
    const Chunk& chunk = plan_.chunks()[static_cast<size_t>(index)];
    ModelFile& file = *files_[static_cast<size_t>(chunk.file)];
    const bool is_mapped = IsMapped(chunk);
    const bool cached = is_mapped || (options_.use_page_cache &&
                                      IsCached(file.cached_fd(), chunk.offset, chunk.num_bytes));
    if (options_.landing) staged_[static_cast<size_t>(index)] = options_.landing->Stage(index);
    std::byte* into = BytesOf(index, chunk.offset);
    return {{&file, chunk.offset, chunk.size, chunk.num_bytes, into, is_mapped}, cached};
  }

  bool OnRead(ChunkRead read) noexcept override {
    const bool goes_on = Take(std::move(read));
    // Nothing refers to the files any more.
    if (num_unread_.fetch_sub(1, std::memory_order_acq_rel) == 1) files_.clear();
    return goes_on;
  }

  bool IsMapped(const Chunk& chunk) const {
    return !options_.landing && arenas_[static_cast<size_t>(chunk.file)]->is_filled();
  }

  bool Take(ChunkRead read) {
    const Chunk& chunk = plan_.chunks()[static_cast<size_t>(read.chunk)];
    Tell({.lane = Lane::kRetrieve,
          .begin = read.submitted,
          .end = read.finished,
          .chunk = read.chunk,
          .num_bytes = chunk.num_bytes,
          .urgency = read.urgency,
          .was_cached = read.was_cached});
    // Pages of the cache count as free until they are copied.
    if (options_.claim && !IsMapped(chunk)) options_.claim->Arrived(chunk.num_bytes);
    if (!read.status.ok()) {
      if (options_.landing) options_.landing->Drop(read.chunk);
      FailChunk(read.chunk, read.status.error());
      return true;  // an answer may do without these storages
    }
    const Status unchanged = files_[static_cast<size_t>(chunk.file)]->CheckUnchanged();
    if (!unchanged.ok()) {
      if (options_.landing) options_.landing->Drop(read.chunk);
      FailAll(unchanged.error());
      return false;
    }
    if (options_.landing) {
      SendThenPublish(read.chunk);
      return true;
    }
    if (options_.verify == Verify::kBeforePublish) VerifyThenPublish(read.chunk);
    if (options_.verify == Verify::kBeforeAnswer) PublishThenVerify(read.chunk);
    if (options_.verify == Verify::kNever) PublishUnverified(read.chunk);
    return true;
  }

  void Fail(int32_t storage, Error error) {
    if (!options_.names.empty()) {
      error.message += ", in record `" + options_.names[static_cast<size_t>(storage)] + "`";
    }
    if (ready_.Fail(storage, error)) TellOf(storage);
    if (verified_.Fail(storage, error)) NoteSettled(/*is_right=*/false);
  }

  void FailChunk(int32_t chunk, const Error& error) {
    for (const int32_t part : plan_.PartsIn(chunk)) {
      Fail(plan_.parts()[static_cast<size_t>(part)].storage, error);
    }
  }

  void FailAll(const Error& error) {
    if (options_.claim) options_.claim->GiveUp();
    for (int32_t storage = 0; storage < num_storages(); ++storage) {
      if (!ready_.IsReady(storage) && ready_.Fail(storage, error)) TellOf(storage);
      if (verified_.IsReady(storage)) continue;
      if (verified_.Fail(storage, error)) NoteSettled(/*is_right=*/false);
    }
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
  bool borrows_pages() const {
    return options_.writers != nullptr &&
           std::any_of(arenas_.begin(), arenas_.end(),
                       [](const std::shared_ptr<Arena>& arena) { return arena->is_filled(); });
  }
  void Release(int32_t storage) {
    arena(storage)->Release(extent(storage).offset, extent(storage).size);
  }

 private:
  using Counters = std::vector<std::atomic<int32_t>>;

  /// Where the host has what a chunk brings from `offset` of the file on.
  std::byte* BytesOf(int32_t index, uint64_t offset) {
    const Chunk& chunk = plan_.chunks()[static_cast<size_t>(index)];
    if (options_.landing) return staged_[static_cast<size_t>(index)] + (offset - chunk.offset);
    return arenas_[static_cast<size_t>(chunk.file)]->target() + offset;
  }

  void UseHugePages() {
    for (const Run& run : plan_.Runs()) {
      Arena& arena = *arenas_[static_cast<size_t>(run.file)];
      if (!arena.is_filled()) arena.UseHugePages(run.offset, run.size);
    }
  }

  void VerifyThenPublish(int32_t chunk) {
    AddCrcs(chunk);
    CountDown(num_missing_, chunk, [this](int32_t storage) {
      if (CheckCrc(storage)) Publish(storage);
    });
  }

  /// A checksum is that of the host's bytes, before they are sent: there they are at hand.
  void SendThenPublish(int32_t chunk) {
    const bool verifies = options_.verify != Verify::kNever;
    if (verifies) AddCrcs(chunk);
    if (const Status sent = options_.landing->Send(chunk); !sent.ok()) {
      FailChunk(chunk, sent.error());
      return;
    }
    CountDown(num_missing_, chunk, [this, verifies](int32_t storage) {
      if (!verifies || CheckCrc(storage)) Publish(storage);
    });
  }

  void PublishThenVerify(int32_t chunk) {
    CountDown(num_missing_, chunk, [this](int32_t storage) { PublishUnchecked(storage); });
    AddCrcs(chunk);
    CountDown(num_unverified_, chunk, [this](int32_t storage) {
      if (CheckCrc(storage)) NoteVerified(storage);
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
    NoteVerified(storage);
  }

  /// Nobody reads the storage's bytes for checksums any more. Whoever has failed it meanwhile says
  /// so in both tables.
  void NoteVerified(int32_t storage) {
    if (!ready_.IsReady(storage)) return;
    if (is_elsewhere_[static_cast<size_t>(storage)] != 0) Release(storage);
    if (verified_.Publish(storage)) NoteSettled(/*is_right=*/true);
  }

  /// It is ready, or never will be.
  void TellOf(int32_t storage) const {
    if (options_.on_storage) options_.on_storage(storage);
  }

  void NoteSettled(bool is_right) {
    if (!is_right) all_are_right_.store(false, std::memory_order_relaxed);
    if (num_unsettled_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    if (options_.on_settled) options_.on_settled(all_are_right_.load(std::memory_order_relaxed));
  }

  void PublishUnchecked(int32_t storage) {
    if (options_.apply) ApplyBytes(storage);
    if (!options_.landing) {
      arena(storage)->Publish(extent(storage).offset, extent(storage).size);
    }
    if (ready_.Publish(storage)) TellOf(storage);
  }

  void ApplyBytes(int32_t storage) {
    const TimePoint begin = clock_.Now();
    const bool took = options_.apply(storage, arena(storage)->target() + extent(storage).offset);
    if (!took) return;
    is_elsewhere_[static_cast<size_t>(storage)] = 1;
    Tell({.lane = Lane::kApply,
          .begin = begin,
          .end = clock_.Now(),
          .storage = storage,
          .num_bytes = extent(storage).size});
  }

  void AddCrcs(int32_t chunk) {
    LoadSpan span(on_event(), clock_, {.lane = Lane::kVerify, .chunk = chunk});
    for (const int32_t index : plan_.PartsIn(chunk)) {
      const Part& part = plan_.parts()[static_cast<size_t>(index)];
      if (!extent(part.storage).crc32) continue;
      const std::byte* bytes = BytesOf(chunk, part.offset);
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

  std::vector<std::shared_ptr<ModelFile>> files_;     // until all is read
  const std::vector<std::shared_ptr<Arena>> arenas_;  // by file
  const BlockPlan plan_;
  const LoadOptions options_;
  const Clock& clock_;
  ReadyTable ready_;
  ReadyTable verified_;
  std::vector<uint32_t> crcs_;          // by part
  std::vector<std::byte*> staged_;      // by chunk, where there is a landing
  std::vector<uint8_t> is_elsewhere_;   // by storage: `apply` has its bytes
  Counters num_missing_;                // parts that have not arrived, by storage
  Counters num_unverified_;             // parts without checksum, by storage
  std::atomic<int32_t> num_unsettled_;  // storages
  std::atomic<bool> all_are_right_ = true;
  std::atomic<size_t> num_unread_;  // chunks
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
  std::vector<std::shared_ptr<Arena>> arenas = std::move(options.arenas);
  if (options.landing) {
    if (Status reserved = options.landing->Reserve(*plan); !reserved.ok()) {
      return std::move(reserved).error();
    }
    sizes.clear();
  }
  for (size_t file = arenas.size(); file < sizes.size(); ++file) {
    std::shared_ptr<Arena> borrowed;
    if (options.writers) {
      borrowed = BorrowPages(*files[file], static_cast<int32_t>(file), extents, options.writers,
                             options.claim);
    }
    if (borrowed) {
      arenas.push_back(std::move(borrowed));
      continue;
    }
    Result<std::shared_ptr<Arena>> arena = options.mappable
                                               ? Arena::ReserveMappable(sizes[file])
                                               : Arena::Reserve(sizes[file], options.guarded);
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

bool LoadJob::borrows_pages() const { return state_->borrows_pages(); }

bool LoadJob::IsReady(int32_t storage) const { return state_->ready().IsReady(storage); }

int32_t LoadJob::CountPending() const { return state_->ready().CountPending(); }

Status LoadJob::Wait(int32_t storage, const CancelToken* cancel) const {
  return state_->ready().Wait(storage, cancel);
}

const LoadEventSink& LoadJob::on_event() const { return state_->on_event(); }

const Clock& LoadJob::clock() const { return state_->clock(); }

bool LoadJob::has_failed() const { return state_->verified().has_failed(); }

Status LoadJob::Need(int32_t storage, const CancelToken* cancel) {
  if (IsReady(storage)) return Done{};
  const LoadSpan span(on_event(), clock(),
                      {.lane = Lane::kWait, .storage = storage, .num_bytes = num_bytes(storage)});
  Promote({&storage, 1});
  return Wait(storage, cancel);
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

void LoadJob::Hurry() {
  std::vector<int32_t> chunks(state_->plan().chunks().size());
  std::iota(chunks.begin(), chunks.end(), 0);
  scheduler_.Promote(id_, chunks);
}

void LoadJob::Reclass(Urgency urgency, TimePoint deadline) {
  scheduler_.Reclass(id_, urgency, deadline);
}

void LoadJob::Cancel() {
  scheduler_.Remove(id_);
  state_->FailAll({ErrorCode::kCancelled, "the loading of the model was cancelled"});
}

void LoadJob::Release(int32_t storage) { state_->Release(storage); }

}  // namespace raceway::engine::load
