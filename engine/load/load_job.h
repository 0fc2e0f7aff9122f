#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/cancel.h"
#include "engine/clock.h"
#include "engine/load/arena.h"
#include "engine/load/block_plan.h"
#include "engine/load/extent.h"
#include "engine/load/load_event.h"
#include "engine/load/model_file.h"
#include "engine/load/read_scheduler.h"
#include "engine/result.h"

namespace raceway::engine::load {

/// When the checksums of storages that have one are compared.
enum class Verify : uint8_t {
  kBeforePublish,  // nobody sees a storage that is not as it was written
  kBeforeAnswer,   // `WaitAll` says so: for models that never write into their weights
  kNever,
};

struct LoadOptions {
  Urgency urgency = Urgency::kNear;
  TimePoint deadline = TimePoint::max();  // of the request that wants it
  Verify verify = Verify::kBeforePublish;
  bool use_page_cache = true;  // for what it holds; else always read past it
  bool guarded = false;        // Arena::Reserve
  BlockPlanOptions plan = {};
  LoadEventSink on_event = {};
};

/// The weights of one model on their way into memory.
///
/// Storages appear in any order, each whole. Who needs one says `Need`, which also makes the disk
/// hurry. Several may.
///
/// Threads  all functions, from any
class LoadJob {
 public:
  /// Reserves address space and begins to read. `extents` in the order of first use.
  /// `scheduler` must outlive the job.
  /// Errors   those of `BlockPlan::Make`, Unavailable without address space; all before any read
  static Result<std::shared_ptr<LoadJob>> Start(ReadScheduler& scheduler,
                                                std::vector<std::shared_ptr<ModelFile>> files,
                                                std::span<const Extent> extents,
                                                LoadOptions options = {});
  /// Cancels; does not wait. What is in flight keeps the arenas until it has landed.
  ~LoadJob();
  LoadJob(const LoadJob&) = delete;

  /// Where the bytes of a storage are, or will be. Whoever keeps this keeps `arena` as well.
  std::byte* data(int32_t storage) const;
  std::shared_ptr<Arena> arena(int32_t storage) const;
  uint64_t num_bytes(int32_t storage) const;

  bool IsReady(int32_t storage) const;
  /// How many storages have neither arrived nor failed.
  int32_t CountPending() const;

  /// Waits for a storage, and promotes it. `cancel` may be null; it ends the waiting, not the load.
  /// Errors   Failed, with file and place: cannot be read, wrong checksum, file changed;
  ///          Cancelled if the job is; Cancelled or DeadlineExceeded if `cancel` says so
  Status Need(int32_t storage, const CancelToken* cancel = nullptr);
  /// Makes the disk hurry with these, without waiting.
  void Promote(std::span<const int32_t> storages);
  /// Waits for all, in whatever order, and for their checksums.
  /// Errors   as `Need`, of the first storage that has one
  Status WaitAll(const CancelToken* cancel = nullptr);

  /// Another class or deadline: another request wants the model, or none does any more.
  void Reclass(Urgency urgency, TimePoint deadline);
  /// Nothing more is read; who waits, or will, for what is not ready gets Cancelled.
  void Cancel();
  /// Gives back the memory of a ready storage that is not needed again.
  void Release(int32_t storage);

  /// Who listens to what happens, perhaps nobody; and the time for events of others.
  const LoadEventSink& on_event() const;
  const Clock& clock() const;

 private:
  class State;
  LoadJob(ReadScheduler& scheduler, std::shared_ptr<State> state, LoadId id);

  ReadScheduler& scheduler_;
  const std::shared_ptr<State> state_;
  const LoadId id_;
};

}  // namespace raceway::engine::load
